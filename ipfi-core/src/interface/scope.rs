//! What a handler may take before its arguments: its call's [`Context`], its interface's [`State`].

use core::fmt;
use core::ops::Deref;

use crate::call::IncomingCall;
use crate::context::Context;

/// The call, and the interface's state, that a handler is started with.
pub struct Scope<'a, S = ()> {
    source: &'a mut dyn ScopeSource,
    state: &'a S,
}

impl<'a, S> Scope<'a, S> {
    pub(crate) fn new(source: &'a mut dyn ScopeSource, state: &'a S) -> Self {
        Self { source, state }
    }

    pub(super) fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        self.source.spawn_blocking(work);
    }
}

/// Makes a context when a handler wants one, and finds a place for blocking work.
pub(crate) trait ScopeSource: Send {
    fn context(&mut self) -> Context;
    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>);
}

impl ScopeSource for IncomingCall {
    fn context(&mut self) -> Context {
        Self::context(self)
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        self.core().runtime().spawn_blocking(work);
    }
}

impl<S> fmt::Debug for Scope<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scope")
    }
}

/// What a handler may take before its arguments: a [`Context`], a [`State`], or both in either order.
#[diagnostic::on_unimplemented(
    message = "a handler of an interface with the state `{S}` cannot take a `{Self}` before its arguments",
    note = "it may take a `Context`, and a `State<{S}>`: see `Interface::with_state`"
)]
pub trait FromScope<S>: Sized + Send + 'static {
    /// Takes it from the call that begins.
    fn from_scope(scope: &mut Scope<'_, S>) -> Self;
}

impl<S> FromScope<S> for Context {
    fn from_scope(scope: &mut Scope<'_, S>) -> Self {
        scope.source.context()
    }
}

/// The state of an interface ([`Interface::with_state`](super::Interface::with_state)), as a handler
/// takes it: a clone for each call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State<S>(pub S);

impl<S: Clone + Send + 'static> FromScope<S> for State<S> {
    fn from_scope(scope: &mut Scope<'_, S>) -> Self {
        Self(scope.state.clone())
    }
}

impl<S> Deref for State<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

impl<S> FromScope<S> for () {
    fn from_scope(_: &mut Scope<'_, S>) -> Self {}
}

impl<S, X: FromScope<S>> FromScope<S> for (X,) {
    fn from_scope(scope: &mut Scope<'_, S>) -> Self {
        (X::from_scope(scope),)
    }
}

impl<S, X: FromScope<S>, Y: FromScope<S>> FromScope<S> for (X, Y) {
    fn from_scope(scope: &mut Scope<'_, S>) -> Self {
        (X::from_scope(scope), Y::from_scope(scope))
    }
}
