//! Functions by what they take: up to two things of their [`Scope`](super::Scope), then the call's own.

use crate::call::Receiver;

/// A function whose last argument is `A` and whose earlier ones are `G`, given by the scope of its call.
/// Implemented by plain functions and closures.
pub trait Function<G, A>: Send + Sync + 'static {
    /// What it returns.
    type Output;

    /// Calls it.
    fn apply(&self, given: G, arguments: A) -> Self::Output;
}

impl<F, A, O> Function<(), A> for F
where
    F: Fn(A) -> O + Send + Sync + 'static,
{
    type Output = O;

    fn apply(&self, (): (), arguments: A) -> O {
        self(arguments)
    }
}

impl<F, X, A, O> Function<(X,), A> for F
where
    F: Fn(X, A) -> O + Send + Sync + 'static,
{
    type Output = O;

    fn apply(&self, (x,): (X,), arguments: A) -> O {
        self(x, arguments)
    }
}

impl<F, X, Y, A, O> Function<(X, Y), A> for F
where
    F: Fn(X, Y, A) -> O + Send + Sync + 'static,
{
    type Output = O;

    fn apply(&self, (x, y): (X, Y), arguments: A) -> O {
        self(x, y, arguments)
    }
}

/// A [`Function`] that takes a stream of items of `T` after its arguments.
pub trait ItemsFunction<G, A, T>: Send + Sync + 'static {
    /// What it returns.
    type Output;

    /// Calls it.
    fn apply(&self, given: G, arguments: A, items: Receiver<T>) -> Self::Output;
}

impl<F, A, T, O> ItemsFunction<(), A, T> for F
where
    F: Fn(A, Receiver<T>) -> O + Send + Sync + 'static,
{
    type Output = O;

    fn apply(&self, (): (), arguments: A, items: Receiver<T>) -> O {
        self(arguments, items)
    }
}

impl<F, X, A, T, O> ItemsFunction<(X,), A, T> for F
where
    F: Fn(X, A, Receiver<T>) -> O + Send + Sync + 'static,
{
    type Output = O;

    fn apply(&self, (x,): (X,), arguments: A, items: Receiver<T>) -> O {
        self(x, arguments, items)
    }
}

impl<F, X, Y, A, T, O> ItemsFunction<(X, Y), A, T> for F
where
    F: Fn(X, Y, A, Receiver<T>) -> O + Send + Sync + 'static,
{
    type Output = O;

    fn apply(&self, (x, y): (X, Y), arguments: A, items: Receiver<T>) -> O {
        self(x, y, arguments, items)
    }
}
