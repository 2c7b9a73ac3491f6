//! What the log needs of PostgreSQL beside its own statements: what errors mean.

mod fault;

pub(crate) use fault::cause;
