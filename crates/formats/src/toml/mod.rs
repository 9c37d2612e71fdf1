//! TOML files.

mod compose;
mod render;

pub(crate) use compose::compose;
pub(crate) use render::render;
