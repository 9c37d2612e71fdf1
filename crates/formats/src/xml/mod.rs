//! XML files: a list of items, or plain nested elements.
//!
//! What is written is the list: every item with its content type, so that all of them read back to the byte.
//!
//! ```xml
//! <configuration>
//!   <item key="db.pool" content-type="application/json">8</item>
//!   <item key="logo" content-type="image/png" encoding="base64">iVBORw0KGgo=</item>
//! </configuration>
//! ```
//!
//! The list that Java's `Properties.storeToXML` writes (`<properties><entry key="...">`) is read as well. Any
//! other document is read as nested elements, whose values are text: `<app><db><pool>8</pool></db></app>` is the
//! item `db.pool`. There an attribute counts as an element in its element, and elements of one name beside one
//! another are a list. Nothing outside of the file is ever read, and nothing is expanded: a document type is
//! passed over, and refused if it declares anything.

mod characters;
mod compose;
mod element;
mod render;

pub(crate) use compose::parse;
pub(crate) use render::render;
