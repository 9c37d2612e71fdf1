//! `--held`: a write that takes place only while locks are held.

use conclave_client::config::HeldLock;

use crate::cli::errors::Failure;
use crate::cli::lock::not_held;
use crate::cli::session::Session;

/// Flags of every write that can depend on locks.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub(in crate::cli) struct HeldArgs {
    /// Refuse unless this lock is held with this fencing token, as within `conclave lock` with
    /// "$CONCLAVE_LOCK_NAME:$CONCLAVE_FENCING_TOKEN"; may be given several times
    #[arg(long, value_name = "NAME:TOKEN", value_parser = held)]
    held: Vec<HeldLock>,
}

impl HeldArgs {
    pub(in crate::cli) fn locks(&self) -> Vec<HeldLock> {
        self.held.clone()
    }

    /// Refuses unless all are held: for a write that turns out to have nothing to do, so that its caller learns all
    /// the same that it may not go on.
    pub(in crate::cli) async fn require(&self, session: &Session) -> Result<(), Failure> {
        for HeldLock { name, token } in &self.held {
            let answer = session.client.check_token(name, *token).await?;
            if !answer.held {
                return Err(not_held(name, *token, answer.newest_token));
            }
        }
        Ok(())
    }
}

/// Reads a lock and its token.
fn held(text: &str) -> Result<HeldLock, String> {
    let (name, token) = text.rsplit_once(':').filter(|(name, _)| !name.is_empty()).unwrap_or_default();
    match token.parse() {
        Ok(token) if token > 0 => Ok(HeldLock { name: name.into(), token }),
        _ => Err("it must be NAME:TOKEN, a lock and the fencing token of a grant".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_and_its_token_are_one_word() {
        let expected = HeldLock { name: "orders/42".into(), token: 17 };
        assert_eq!(held("orders/42:17"), Ok(expected));
        for wrong in ["", "orders/42", ":17", "orders:", "orders:0", "orders:-1", "17", "orders:x"] {
            held(wrong).expect_err(wrong);
        }
    }
}
