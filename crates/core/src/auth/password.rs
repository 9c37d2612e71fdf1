//! Passwords as they are kept: argon2id, as a PHC string. The salt is drawn by whoever calls.

use argon2::password_hash::{PasswordHash as Phc, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use super::secret::PasswordHash;

/// Bytes of a salt.
pub const SALT_BYTES: usize = 16;
/// What one hash takes: the least that OWASP recommends, so that a node which checks many at once does not run out.
const MEMORY_KIB: u32 = 19 * 1_024;
/// How often it goes through that. Two make some 20 to 50 ms: whoever logs in does not notice, whoever guesses does.
const PASSES: u32 = 2;
/// One hash keeps one core busy, no more.
const LANES: u32 = 1;

/// The password as it is kept. Takes tens of milliseconds and 19 MiB: not for a thread that must not block.
pub fn hash_password(password: &[u8], salt: [u8; SALT_BYTES]) -> PasswordHash {
    let salt = SaltString::encode_b64(&salt).expect("a salt of this length is one");
    let hash = argon2().hash_password(password, &salt).expect("passwords are shorter than 4 GiB");
    PasswordHash::new(hash.to_string())
}

/// Whether the password is the one that is kept so; with which cost it is kept does not matter. Takes as long as
/// [`hash_password`].
pub fn verify_password(password: &[u8], hash: &PasswordHash) -> bool {
    Phc::new(hash.as_str()).is_ok_and(|hash| argon2().verify_password(password, &hash).is_ok())
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("within what argon2 allows");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_hash() {
        let hash = hash_password(b"secret", *b"0123456789abcdef");
        // As the reference implementation of argon2 makes it.
        let golden = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$8qPpaWig0H31wvibKAgpght2Ry2M8rtRQYtZ93ooMus";
        assert_eq!(hash.as_str(), golden);
        assert!(verify_password(b"secret", &hash));
        assert!(!verify_password(b"Secret", &hash) && !verify_password(b"", &hash));
    }

    #[test]
    fn a_hash_of_another_cost_is_verified() {
        let cheaper = "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$";
        let params = Params::new(8, 1, 1, None).unwrap();
        let salt = SaltString::encode_b64(b"0123456789abcdef").unwrap();
        let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(b"secret", &salt);
        let hash = PasswordHash::new(hash.unwrap().to_string());
        assert!(hash.as_str().starts_with(cheaper), "{}", hash.as_str());
        assert!(verify_password(b"secret", &hash) && !verify_password(b"other", &hash));
    }

    #[test]
    fn what_is_no_hash_is_nobodys() {
        for text in
            ["", "secret", "$argon2id$", "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"]
        {
            assert!(!verify_password(b"secret", &PasswordHash::new(text)), "{text}");
        }
    }
}
