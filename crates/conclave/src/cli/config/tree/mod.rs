//! Whole trees of files, one a namespace: `payments/prod.yaml` is the namespace `payments/prod`.
//!
//! | file | what |
//! |---|---|
//! | [`files`] | which file is which namespace; reading folders, writing files |
//! | [`export`] | namespaces into files, all as they were at one revision |
//! | [`import`] | files into namespaces |
//! | [`pack`] | what goes into which commit |

mod export;
mod files;
mod import;
mod pack;
mod report;

pub(in crate::cli) use export::ExportArgs;
pub(super) use import::TreeImport;
