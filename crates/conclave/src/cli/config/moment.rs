//! Moments of a namespace's history, as people name them: flags for a read, words for a comparison.

use std::str::FromStr;

use conclave_client::config::{At, ListRequest, at::Moment};

use crate::cli::errors::Failure;
use crate::cli::session::Session;
use crate::cli::times::time_ms;

/// Flags that say when; at most one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[group(id = "moment", multiple = false)]
pub(super) struct MomentArgs {
    /// As it was at this version of the namespace
    #[arg(long, visible_alias = "at-version", value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    version: Option<u64>,
    /// As it was at this revision of the store
    #[arg(long, visible_alias = "at-revision", value_name = "REVISION", value_parser = clap::value_parser!(u64).range(1..))]
    revision: Option<u64>,
    /// As it was at the version that this tag names
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// As it was at this time: 2026-02-28T17:00:00Z, 2026-02-28 (midnight in UTC), or so long ago: 1h, 2d
    #[arg(long, value_name = "TIME", value_parser = time_ms, allow_hyphen_values = true)]
    at_time: Option<i64>,
    /// As it is in this snapshot
    #[arg(long, value_name = "SNAPSHOT")]
    snapshot: Option<String>,
}

impl MomentArgs {
    /// The moment that the flags name. None: now.
    pub(super) fn point(&self) -> Option<Point> {
        None.or(self.version.map(Point::Version))
            .or(self.revision.map(Point::Revision))
            .or(self.tag.clone().map(Point::Tag))
            .or(self.at_time.map(Point::Time))
            .or(self.snapshot.clone().map(Point::Snapshot))
    }

    /// The same, as a request has it.
    pub(super) fn at(&self) -> Option<At> {
        self.point().map(At::from)
    }
}

/// A moment of a namespace's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Point {
    Version(u64),
    Revision(u64),
    Tag(String),
    /// Milliseconds since 1970-01-01 UTC.
    Time(i64),
    Snapshot(String),
}

impl Point {
    /// A word that does not mean the empty namespace.
    pub(super) fn existing(text: &str) -> Result<Self, String> {
        match text.parse()? {
            Self::Version(0) => Err("versions begin at 1".into()),
            point => Ok(point),
        }
    }

    /// The version of the namespace that is meant.
    pub(super) async fn version(&self, session: &Session, namespace: &str) -> Result<u64, Failure> {
        if let Self::Version(version) = self {
            return Ok(*version);
        }
        let request = ListRequest {
            namespace: namespace.into(),
            at: Some(self.clone().into()),
            page_size: 1,
            keys_only: true,
            ..ListRequest::default()
        };
        Ok(session.client.list(request).await?.version)
    }
}

impl From<Point> for At {
    fn from(point: Point) -> Self {
        let moment = match point {
            Point::Version(version) => Moment::Version(version),
            Point::Revision(revision) => Moment::Revision(revision),
            Point::Tag(tag) => Moment::Tag(tag),
            Point::Time(time_ms) => Moment::TimeMs(time_ms),
            Point::Snapshot(snapshot) => Moment::Snapshot(snapshot),
        };
        Self { moment: Some(moment) }
    }
}

/// A number is a version, `revision:`, `tag:`, `snapshot:` and `time:` say what follows, any other word is a tag.
impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            return text.parse().map(Self::Version).map_err(|error| format!("{text}: {error}"));
        }
        match text.split_once(':') {
            Some((_, "")) => Err("nothing stands after the :".into()),
            Some(("revision", number)) => match number.parse() {
                Ok(0) | Err(_) => Err(format!("{number:?} is no revision: they are numbers from 1")),
                Ok(revision) => Ok(Self::Revision(revision)),
            },
            Some(("tag", name)) => Ok(Self::Tag(name.into())),
            Some(("snapshot", name)) => Ok(Self::Snapshot(name.into())),
            Some(("time", time)) => time_ms(time).map(Self::Time),
            Some(_) => Err("before the : may stand revision, tag, snapshot or time".into()),
            None if text.is_empty() => Err("a version, or the name of a tag, is wanted".into()),
            None => Ok(Self::Tag(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn parse(args: &[&str]) -> Result<MomentArgs, clap::Error> {
        let command = MomentArgs::augment_args(clap::Command::new("get"));
        let matches = command.try_get_matches_from([&["get"], args].concat())?;
        MomentArgs::from_arg_matches(&matches)
    }

    #[test]
    fn each_flag_names_a_moment_and_only_one_may() {
        for (args, point) in [
            (&["--version", "7"][..], Point::Version(7)),
            (&["--at-version", "7"], Point::Version(7)),
            (&["--revision", "9"], Point::Revision(9)),
            (&["--at-revision", "9"], Point::Revision(9)),
            (&["--tag", "stable"], Point::Tag("stable".into())),
            (&["--at-time", "1970-01-01T01:00:01.5+01:00"], Point::Time(1_500)),
            (&["--snapshot", "before"], Point::Snapshot("before".into())),
        ] {
            assert_eq!(parse(args).expect("it is right").point(), Some(point));
        }
        assert_eq!(parse(&[]).expect("now").at(), None);
        for wrong in [
            &["--version", "0"][..],
            &["--version", "1", "--tag", "x"],
            &["--tag", "x", "--at-time", "1970-01-01T00:00:00Z"],
            &["--at-time", "yesterday"],
            &["--at-time", "2026-02-30"],
        ] {
            parse(wrong).expect_err("it is wrong");
        }
    }

    #[test]
    fn words_name_moments() {
        for (word, point) in [
            ("7", Point::Version(7)),
            ("0", Point::Version(0)),
            ("v7", Point::Tag("v7".into())),
            ("tag:7", Point::Tag("7".into())),
            ("revision:9", Point::Revision(9)),
            ("snapshot:before", Point::Snapshot("before".into())),
            ("time:1970-01-01T00:00:01Z", Point::Time(1_000)),
        ] {
            assert_eq!(word.parse(), Ok(point), "{word}");
        }
        for wrong in ["", "tag:", "branch:x", "revision:x", "revision:0", "time:soon", "99999999999999999999"]
        {
            wrong.parse::<Point>().expect_err(wrong);
        }
        Point::existing("0").expect_err("no version has this number");
    }
}
