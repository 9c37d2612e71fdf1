//! Has the program show its own `getrandom` to those who look it up by name: see the crate `sim-chance`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg=-Wl,--export-dynamic-symbol=getrandom");
}
