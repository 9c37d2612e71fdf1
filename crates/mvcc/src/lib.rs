//! Revisions, tables, transactions, history and events over an ordered map.
