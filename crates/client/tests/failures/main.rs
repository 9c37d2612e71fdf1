//! What the client does when nodes fail, against nodes that fail as the test tells them to.

#[cfg(test)]
mod caches;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod fake_cluster;
#[cfg(test)]
mod fake_node;
#[cfg(test)]
mod returns;
#[cfg(test)]
mod transfers;
#[cfg(test)]
mod watches;
