//! YAML files: one document, YAML 1.2 core schema, with `!!binary` and merge keys besides.

mod compose;
mod cost;
mod render;
mod scalar;

pub(crate) use compose::compose;
pub(crate) use render::render;
