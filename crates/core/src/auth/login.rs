//! From a name and a password to a token, and from a token to a caller.

use conclave_mvcc::{MapError, ReadMap};

use super::caller::Caller;
use super::password::{SALT_BYTES, hash_password, verify_password};
use super::record::{State, User};
use super::secret::{PasswordHash, TokenSecret};
use super::token::Token;
use super::{AuthRejection, refuse};
use crate::rejection::Rejection;
use crate::stop::{Stop, part};

/// Somebody who says that he is a user, whose password is to be checked.
#[derive(Debug)]
pub struct Login {
    user: String,
    /// None: there is no such user.
    password: Option<PasswordHash>,
    auth_revision: u64,
    secret: TokenSecret,
}

/// Somebody says that he is a user.
///
/// # Errors
/// The map cannot be read.
pub fn login(view: &dyn ReadMap, name: &str) -> Result<Result<Login, Rejection>, MapError> {
    part(begin(view, name))
}

fn begin(view: &dyn ReadMap, name: &str) -> Result<Login, Stop> {
    let State { revision: auth_revision, secret } = State::read(view)?;
    let secret = secret.ok_or_else(|| refuse(AuthRejection::NotEnabled))?;
    let user = User::get(view, name)?;
    if user.as_ref().is_some_and(|user| user.password.is_none()) {
        return Err(refuse(AuthRejection::NoPassword { user: name.to_owned() }));
    }
    let password = user.and_then(|user| user.password);
    Ok(Login { user: name.to_owned(), password, auth_revision, secret })
}

impl Login {
    /// A token, if the password is right. Takes as long as [`verify_password`], also if there is no such user, so that
    /// nobody learns who there is.
    ///
    /// # Errors
    /// It is not.
    pub fn token(self, password: &[u8], expires_ms: i64) -> Result<String, AuthRejection> {
        let is_right = match &self.password {
            Some(hash) => verify_password(password, hash),
            None => {
                hash_password(password, [0; SALT_BYTES]);
                false
            }
        };
        if !is_right {
            return Err(AuthRejection::LoginFailed);
        }
        let Self { user, auth_revision, secret, .. } = self;
        Ok(Token { user, auth_revision, expires_ms }.sign(&secret))
    }
}

/// Who brings this token: found out at the present auth revision. None if there is no token, or nobody is asked.
///
/// # Errors
/// The map cannot be read.
pub fn identify(
    view: &dyn ReadMap,
    token: Option<&str>,
    now_ms: i64,
) -> Result<Result<Option<Caller>, Rejection>, MapError> {
    part(find_out(view, token, now_ms))
}

fn find_out(view: &dyn ReadMap, token: Option<&str>, now_ms: i64) -> Result<Option<Caller>, Stop> {
    let state = State::read(view)?;
    let (Some(secret), Some(token)) = (&state.secret, token) else { return Ok(None) };
    let invalid = || refuse(AuthRejection::TokenInvalid);
    let Token { user, auth_revision, .. } = Token::verify(token, secret, now_ms).ok_or_else(invalid)?;
    // Of a time that this node has not come to it cannot tell who was there.
    if auth_revision <= state.revision {
        let known = User::get(view, &user)?.ok_or_else(invalid)?;
        if auth_revision < known.tokens_since {
            return Err(invalid());
        }
    }
    Ok(Some(Caller { user, auth_revision: auth_revision.max(state.revision) }))
}

#[cfg(test)]
mod tests {
    use conclave_mvcc::{MemoryMap, Transaction};

    use super::*;

    /// Ann has a password since auth revision 3, bob has none, and it is at 5.
    fn store(is_enabled: bool) -> MemoryMap {
        let mut map = MemoryMap::default();
        let mut transaction = Transaction::begin(&map).unwrap();
        let secret = is_enabled.then(secret);
        State { revision: 5, secret }.write(&mut transaction);
        let password = Some(hash_password(b"right", [1; SALT_BYTES]));
        User { password, roles: Vec::new(), tokens_since: 3 }.put(&mut transaction, "ann");
        User { password: None, roles: Vec::new(), tokens_since: 3 }.put(&mut transaction, "bob");
        let sealed = transaction.seal();
        map.write(&sealed.writes);
        map
    }

    fn secret() -> TokenSecret {
        TokenSecret::new([7; 32])
    }

    fn refusal(rejection: AuthRejection) -> Rejection {
        rejection.into()
    }

    #[test]
    fn whoever_knows_the_password_gets_a_token() {
        let map = store(true);
        let begin = |name| login(&map, name).unwrap();
        let token = begin("ann").unwrap().token(b"right", 1_000).unwrap();
        let ann = Caller { user: "ann".into(), auth_revision: 5 };
        assert_eq!(identify(&map, Some(&token), 999).unwrap(), Ok(Some(ann)));
        assert_eq!(identify(&map, Some(&token), 1_000).unwrap(), Err(refusal(AuthRejection::TokenInvalid)));
        assert_eq!(begin("ann").unwrap().token(b"wrong", 1_000), Err(AuthRejection::LoginFailed));
        assert_eq!(begin("cid").unwrap().token(b"right", 1_000), Err(AuthRejection::LoginFailed));
        let no_password = AuthRejection::NoPassword { user: "bob".into() };
        assert_eq!(begin("bob").unwrap_err(), refusal(no_password));
    }

    #[test]
    fn nobody_logs_in_where_nobody_is_asked() {
        let map = store(false);
        assert_eq!(login(&map, "ann").unwrap().unwrap_err(), refusal(AuthRejection::NotEnabled));
        assert_eq!(identify(&map, Some("anything"), 0).unwrap(), Ok(None));
    }

    #[test]
    fn a_token_is_of_a_user_with_this_password() {
        let map = store(true);
        let who = |user: &str, auth_revision| {
            let token = Token { user: user.into(), auth_revision, expires_ms: 1 }.sign(&secret());
            identify(&map, Some(&token), 0).unwrap().map(|caller| caller.unwrap().auth_revision)
        };
        let invalid = || Err(refusal(AuthRejection::TokenInvalid));
        assert_eq!((who("ann", 2), who("ann", 3), who("ann", 5)), (invalid(), Ok(5), Ok(5)));
        assert_eq!((who("cid", 5), who("cid", 6)), (invalid(), Ok(6)), "this node is behind the other's");
        assert_eq!(identify(&map, None, 0).unwrap(), Ok(None));
        let none = identify(&map, Some("no token"), 0).unwrap();
        assert_eq!(none, Err(refusal(AuthRejection::TokenInvalid)));
    }
}
