//! What all doors share: limits, the error table and the request span.
