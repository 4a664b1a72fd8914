//! One method of an interface, read off its signature.

use proc_macro2::Ident;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, FnArg, Pat, Receiver, ReceiverKind, Result, ReturnType, Safety, Signature, TraitItemFn,
    Type, parse_quote,
};

use super::Faults;
use super::attributes::MethodAttributes;
use super::types::{self, Value};

/// As many elements as the tuple of the arguments of a call has (`ipfi::core::codec::DecodeArguments`).
const MAX_PARAMETERS: usize = 16;

/// Names that the client has for itself.
const CLIENTS_OWN: [&str; 4] = ["new", "checked", "wire", "clone"];

pub(super) struct Method {
    pub(super) item: TraitItemFn,
    pub(super) name: String,
    pub(super) attributes: MethodAttributes,
    pub(super) arguments: Vec<(Ident, Type)>,
    /// All that is passed to the trait's method, in its order.
    pub(super) passed: Vec<Passed>,
    /// The `T` of a `Receiver<T>`.
    pub(super) items: Option<Type>,
    /// The `Receiver<T>`, and the `Context` of `&Context`, as they are written.
    pub(super) receiver_type: Option<Type>,
    pub(super) context_type: Option<Type>,
    pub(super) answer: Answer,
}

pub(super) enum Passed {
    Argument(Ident),
    Items,
    Context,
}

pub(super) enum Answer {
    Nothing,
    Value(Value),
    Stream(Value),
}

impl Method {
    pub(super) fn read(item: &TraitItemFn) -> Result<Self> {
        let mut faults = Faults::default();
        let signature = &item.sig;
        let attributes = faults.take(MethodAttributes::parse(&item.attrs));
        let name = types::unraw(&signature.ident);
        if CLIENTS_OWN.contains(&name.as_str()) {
            faults.add(Error::new(
                signature.ident.span(),
                format!("the client has a function `{name}` of its own: call the method otherwise; `#[ipfi(rename = \"{name}\")]` keeps its index"),
            ));
        }
        refuse_qualifiers(signature, &mut faults);
        let mut method = Self {
            item: item.clone(),
            name,
            attributes: attributes.unwrap_or_default(),
            arguments: Vec::new(),
            passed: Vec::new(),
            items: None,
            receiver_type: None,
            context_type: None,
            answer: Answer::Nothing,
        };
        match signature.inputs.first() {
            Some(FnArg::Receiver(receiver)) if is_shared_reference(receiver) => {}
            Some(FnArg::Receiver(receiver)) => faults.add(self_fault(receiver.span())),
            _ => faults.add(self_fault(signature.ident.span())),
        }
        for input in &signature.inputs {
            if let FnArg::Typed(input) = input {
                faults.take(refuse_conditions(&input.attrs));
                faults.take(method.parameter(&input.pat, &input.ty));
            }
        }
        if let Some((ident, _)) = method.arguments.get(MAX_PARAMETERS) {
            faults.add(Error::new(
                ident.span(),
                format!("a method takes at most {MAX_PARAMETERS} arguments: put them into a struct"),
            ));
        }
        if let Some(answer) = faults.take(answer(signature)) {
            method.answer = answer;
        }
        faults.take(method.notification());
        if let Some(rename) = &method.attributes.rename {
            method.name.clone_from(rename);
        }
        faults.finish()?;
        Ok(method)
    }

    fn parameter(&mut self, pattern: &Pat, ty: &Type) -> Result<()> {
        let ident = match pattern {
            Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => &pattern.ident,
            _ => {
                return Err(Error::new_spanned(
                    pattern,
                    "a parameter of a method has a name, which its description tells: write `name: Type` and take it \
                     apart in the body",
                ));
            }
        };
        if let Some(context) = types::referred_context(ty) {
            if self.context_type.is_some() {
                return Err(Error::new_spanned(ty, "a call has one `&Context`: remove this one"));
            }
            self.context_type = Some(context.clone());
            self.passed.push(Passed::Context);
            return Ok(());
        }
        if types::is_owned_context(ty) {
            return Err(Error::new_spanned(
                ty,
                "the call that runs is passed by reference: write `&Context`; for a type of your own that is called so, write its \
                 path, `models::Context`",
            ));
        }
        if let Some(item) = types::receiver_item(ty) {
            types::travels(&item)?;
            if self.items.is_some() {
                return Err(Error::new_spanned(
                    ty,
                    "a call brings one stream of items: make the items of the two an enum",
                ));
            }
            self.items = Some(item);
            self.receiver_type = Some(ty.clone());
            self.passed.push(Passed::Items);
            return Ok(());
        }
        types::travels(ty)?;
        if types::holds_receiver(ty) {
            return Err(Error::new_spanned(
                ty,
                "a stream of items is a parameter by itself: write `items: Receiver<T>`; a caller who has none sends none",
            ));
        }
        self.arguments.push((ident.clone(), ty.clone()));
        self.passed.push(Passed::Argument(ident.clone()));
        Ok(())
    }

    /// What a notification cannot have.
    fn notification(&mut self) -> Result<()> {
        let Some(span) = self.attributes.notification else { return Ok(()) };
        match &self.answer {
            Answer::Nothing => {}
            Answer::Value(value) if value.is_unit() => self.answer = Answer::Nothing,
            _ => {
                return Err(Error::new(
                    self.item.sig.output.span(),
                    "nobody answers a notification: remove the return type, or the attribute `notification`",
                ));
            }
        }
        if self.items.is_some() {
            return Err(Error::new(
                span,
                "a notification is one message, and brings no stream of items: remove the `Receiver`, or the attribute",
            ));
        }
        Ok(())
    }

    pub(super) fn takes_context(&self) -> bool {
        self.context_type.is_some()
    }

    pub(super) fn is_notification(&self) -> bool {
        self.attributes.notification.is_some()
    }
}

/// Words before `fn`, and parameters of types and lifetimes after the name.
fn refuse_qualifiers(signature: &Signature, faults: &mut Faults) {
    let words = [
        signature.constness.map(|token| token.span()),
        match &signature.safety {
            Safety::Safe(token) => Some(token.span()),
            Safety::Unsafe(token) => Some(token.span()),
            Safety::Default => None,
        },
        signature.abi.as_ref().map(Spanned::span),
        signature.variadic.as_ref().map(Spanned::span),
    ];
    if let Some(span) = words.into_iter().flatten().next() {
        faults.add(Error::new(
            span,
            "a method that is called over a wire is a plain `fn` or `async fn`: remove this",
        ));
    }
    let generics = &signature.generics;
    if generics.lifetimes().next().is_some() {
        faults.add(Error::new_spanned(
            &generics.params,
            "a value that travels owns its data: remove the lifetimes and write owned types, `String` for `&str`",
        ));
    } else if !generics.params.is_empty() {
        faults.add(Error::new_spanned(
            &generics.params,
            "a method that is called over a wire has fixed types, which both sides know: write one method for each type, \
             or take an enum of them",
        ));
    } else if let Some(clause) = &generics.where_clause {
        faults.add(Error::new_spanned(
            clause,
            "a method of an interface has nothing to put a bound on: remove this",
        ));
    }
}

/// A parameter that is there in one build and not in another would be two methods under one index.
fn refuse_conditions(attributes: &[Attribute]) -> Result<()> {
    let is = |attribute: &&Attribute, name| attribute.path().is_ident(name);
    match attributes.iter().find(|attribute| is(attribute, "cfg") || is(attribute, "cfg_attr")) {
        Some(condition) => Err(Error::new_spanned(
            condition,
            "a method takes the same in every build, or callers and callees of two builds misread each other: \
             put `#[cfg]` on whole methods, each with an index or a name of its own",
        )),
        None => Ok(()),
    }
}

fn is_shared_reference(receiver: &Receiver) -> bool {
    matches!(receiver.kind, ReceiverKind::Reference(_, None, None))
}

fn self_fault(span: proc_macro2::Span) -> Error {
    Error::new(
        span,
        "a method of an interface takes `&self`: many calls run on one implementor at once, and what they change is \
         behind a lock (`Mutex`) or an atomic",
    )
}

fn answer(signature: &Signature) -> Result<Answer> {
    let ty = match &signature.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some(&**ty),
    };
    match (signature.asyncness, ty) {
        (None, Some(Type::ImplTrait(stream))) => match types::stream_item(stream) {
            Some(item) => Ok(Answer::Stream(Value::read(item)?)),
            None => Err(Error::new_spanned(
                stream,
                "what a method may return by `impl` is a stream: write `impl Stream<Item = T>`, or `async fn` and the type",
            )),
        },
        (Some(_), Some(Type::ImplTrait(stream))) if types::stream_item(stream).is_some() => Err(Error::new(
            signature.asyncness.span(),
            "a stream is returned at once and needs no `async`: remove the word; what has to be awaited first goes into \
                 the stream (`futures::stream::once(…).flatten()`)",
        )),
        (Some(_), Some(ty)) => Ok(Answer::Value(Value::read(ty.clone())?)),
        (Some(_), None) => Ok(Answer::Value(Value { ok: parse_quote!(()), error: None })),
        (None, _) => Err(Error::new(
            signature.fn_token.span(),
            "a method that answers with a value is `async fn`; one that streams returns `impl Stream<Item = T>`",
        )),
    }
}
