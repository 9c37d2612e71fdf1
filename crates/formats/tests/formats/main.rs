//! The formats from outside: what files mean, what is written, what is refused, and what it costs.

mod env;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod fuzz;
mod json;
#[cfg(test)]
mod kept;
mod limits;
mod properties;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod support;
mod toml;
mod xml;
mod yaml;
