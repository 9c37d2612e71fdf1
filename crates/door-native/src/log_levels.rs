//! What the node logs, as far as this door can change it.

/// The levels of the log. The program that has the log implements it.
pub trait LogLevels: Send + Sync + 'static {
    /// What is logged, as of the setting `log_level`.
    fn level(&self) -> String;

    /// Changes what is logged. Empty: to what it was at the start.
    ///
    /// # Errors
    /// What is wrong with `level`.
    fn set_level(&self, level: &str) -> Result<(), String>;
}
