//! Configuration files as items and items as configuration files.
