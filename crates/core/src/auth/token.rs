//! Tokens: what a caller brings who has logged in. Any node can make and verify them, whoever leads, as they are signed
//! with a secret that all have.
//!
//! `c1.`, what is told (format 1: `01`, user, auth revision, end), `.`, HMAC-SHA256 of all before the last dot: the
//! second and the last in URL-safe base64 without padding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::secret::TokenSecret;
use crate::encoding::{decode, encode};

const VERSION: &str = "c1";
const FORMAT: u8 = 1;

/// What a token tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Name of the user.
    pub user: String,
    /// The auth revision at which he logged in.
    pub auth_revision: u64,
    /// From when on it is no longer good: milliseconds since 1970-01-01 UTC.
    pub expires_ms: i64,
}

impl Token {
    /// As text.
    pub fn sign(&self, secret: &TokenSecret) -> String {
        let signed = format!("{VERSION}.{}", URL_SAFE_NO_PAD.encode(encode(FORMAT, self)));
        let signature = mac(&signed, secret).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What the text tells, if it was signed with this secret and is good now.
    pub fn verify(text: &str, secret: &TokenSecret, now_ms: i64) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // In a time that does not tell how much of it is right.
        mac(signed, secret).verify_slice(&signature).ok()?;
        let told = signed.strip_prefix(VERSION)?.strip_prefix('.')?;
        let token: Self = decode(FORMAT, &URL_SAFE_NO_PAD.decode(told).ok()?).ok()?;
        (now_ms < token.expires_ms).then_some(token)
    }
}

fn mac(signed: &str, secret: &TokenSecret) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.chain_update(signed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret() -> TokenSecret {
        TokenSecret::new([7; 32])
    }

    fn token() -> Token {
        Token { user: "ann".into(), auth_revision: 300, expires_ms: 1_000 }
    }

    #[test]
    fn golden_token() {
        let text = token().sign(&secret());
        assert_eq!(text, "c1.AQNhbm6sAtAP.2NivwLm6dFI2VsmtFstutcTi-P-OK2dkChXVldxM7nk");
        assert_eq!(Token::verify(&text, &secret(), 999), Some(token()));
    }

    #[test]
    fn it_ends() {
        let text = token().sign(&secret());
        assert_eq!(Token::verify(&text, &secret(), 1_000), None);
        assert_eq!(Token::verify(&text, &secret(), i64::MAX), None);
    }

    #[test]
    fn another_secret_is_not_it() {
        assert_eq!(Token::verify(&token().sign(&TokenSecret::new([8; 32])), &secret(), 0), None);
    }

    #[test]
    fn another_version_is_not_it() {
        let told = URL_SAFE_NO_PAD.encode(encode(FORMAT, &token()));
        for signed in [format!("c2.{told}"), format!("c1{told}"), told.clone(), format!("c1.{told}=")] {
            let signature = URL_SAFE_NO_PAD.encode(mac(&signed, &secret()).finalize().into_bytes());
            assert_eq!(Token::verify(&format!("{signed}.{signature}"), &secret(), 0), None, "{signed}");
        }
    }

    /// What is told is whatever somebody could have signed who knows the secret.
    #[test]
    fn fuzz_what_is_signed() {
        conclave_fuzz::inputs_of!([encode(FORMAT, &token())]).for_each(|input| {
            let signed = format!("{VERSION}.{}", URL_SAFE_NO_PAD.encode(&**input));
            let signature = URL_SAFE_NO_PAD.encode(mac(&signed, &secret()).finalize().into_bytes());
            let Some(found) = Token::verify(&format!("{signed}.{signature}"), &secret(), 0) else { return };
            assert_eq!(Token::verify(&found.sign(&secret()), &secret(), 0), Some(found));
        });
    }

    #[test]
    fn fuzz_tokens() {
        let good = token().sign(&secret());
        conclave_fuzz::inputs_of!([&good]).for_each(|input| {
            let text = String::from_utf8_lossy(input);
            assert_eq!(Token::verify(&text, &secret(), 0).is_some(), text == good);
        });
    }

    proptest! {
        #[test]
        fn nothing_of_it_can_be_changed(at in 0_usize..200, byte in prop::sample::select(b"aA0-_.=".to_vec())) {
            let text = token().sign(&secret());
            let mut changed = text.clone().into_bytes();
            let at = at % changed.len();
            changed[at] = byte;
            let changed = String::from_utf8(changed).unwrap();
            prop_assert_eq!(Token::verify(&changed, &secret(), 0).is_some(), changed == text);
            prop_assert_eq!(Token::verify(&text[..at], &secret(), 0), None);
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            prop_assert_eq!(Token::verify(&text, &secret(), 0), None);
        }
    }
}
