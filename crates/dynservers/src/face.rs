//! The face: what a fleet can be told and asked, written once for all three colours.
//!
//! `face!` makes `FleetBuilder`, `Fleet` and `FleetType` for one runtime. Where it is given `[async]` the calls are async
//! functions, where it is given `[]` they block. `finish` is how a future is brought to its end, and `own` how a function
//! of the colour itself is, which blocks already where calls do. Around it must be `open`, `carry_on` and `spawn`, which
//! with `determine_server_count` are all that a colour has of its own.

/// Makes the three types of one colour.
macro_rules! face {
    ([$($asyncness:tt)?], $finish:ident, $own:ident, $events:ident) => {
        /// Says what a fleet is, and starts it. See [`Fleet::builder`].
        #[must_use = "a builder does nothing until it is started"]
        #[derive(Debug)]
        pub struct FleetBuilder(crate::blueprint::Blueprint);

        impl FleetBuilder {
            /// Says where servers can be, under a name that the ledger keeps.
            pub fn provider(
                mut self,
                name: impl Into<String>,
                provider: impl Into<crate::Provider>,
            ) -> Self {
                self.0.providers.push((name.into(), provider.into()));
                self
            }

            /// Says what servers can be.
            pub fn server_type(mut self, server_type: crate::ServerType) -> Self {
                self.0.server_types.push(server_type);
                self
            }

            /// Says that a type is no longer wanted: what there is of it goes. Without this, a type that has servers
            /// and is gone from the builder is refused.
            pub fn retired_type(mut self, name: impl Into<String>) -> Self {
                self.0.retired_types.push(name.into());
                self
            }

            /// Says where the fleet remembers what it has begun. Without a store that is rebuilt from the labels of the
            /// servers, which is as safe, and forgets what was desired.
            pub fn store(mut self, store: impl crate::OpenStore + 'static) -> Self {
                self.0.store = Box::new(store);
                self
            }

            /// Says how long things take. See [`Timing`](crate::Timing).
            pub fn timing(mut self, timing: crate::Timing) -> Self {
                self.0.timing = timing;
                self
            }

            /// Says how often [`determine_server_count`](Self::determine_server_count) is called, and how often the
            /// sources of types with a [`policy`](crate::ServerType::policy) are asked. Every minute unless told otherwise.
            pub fn determine_every(mut self, interval: std::time::Duration) -> Self {
                self.0.count_interval = interval;
                self
            }

            /// Says how long one call of [`determine_server_count`](Self::determine_server_count) may take before it
            /// counts as failed. As long as the interval, and a minute at least, unless told otherwise.
            pub fn determine_timeout(mut self, timeout: std::time::Duration) -> Self {
                self.0.count_timeout = Some(timeout);
                self
            }

            /// Says what servers are called. `dynamic-server-{type}-{id}` unless told otherwise.
            pub fn naming(mut self, naming: impl crate::Naming + 'static) -> Self {
                self.0.naming = std::sync::Arc::new(naming);
                self
            }

            /// Says how workers are spoken with: who has least to lose, and whether they have finished.
            pub fn workers(mut self, workers: impl crate::Workers + 'static) -> Self {
                self.0.workers = Some(std::sync::Arc::new(workers));
                self
            }

            /// Calls a closure with every event from the start on, in order, each once. It has a thread of its own, which
            /// belongs to no runtime and may be blocked; a panic in it is logged, and the next event comes. One that is
            /// slower than the fleet for long loses events where no ledger keeps them, which is logged.
            pub fn on_event(mut self, listener: impl FnMut(&crate::Event) + Send + 'static) -> Self {
                self.0.listeners.push(Box::new(listener));
                self
            }

            /// Says how many events a reader may fall behind before it reads the ledger instead. 4096 unless told
            /// otherwise.
            pub fn max_events(mut self, events: usize) -> Self {
                self.0.max_events = events;
                self
            }

            /// Builds the fleet, which does nothing until [`Fleet::run`]. All mistakes are told at once, and before
            /// anything is made or asked.
            pub $($asyncness)? fn build(self) -> Result<Fleet, crate::BuildError> {
                let site = $own!(open(self.0))?;
                let idle = crate::fleet::Idle::new(site.driver, site.listeners, site.gauges);
                Ok(Fleet { inner: site.inner, idle })
            }

            /// Builds the fleet and runs it in the background until [`Fleet::shutdown`].
            pub $($asyncness)? fn start(self) -> Result<Fleet, crate::BuildError> {
                let fleet = $own!(self.build())?;
                spawn(fleet.clone())?;
                Ok(fleet)
            }
        }

        /// A fleet of servers: what it is told, it keeps to until told otherwise, over restarts too.
        ///
        /// Handles are cheap to clone, and all of them speak with the same fleet. Dropping the last one changes nothing:
        /// a fleet that was started goes on until [`Fleet::shutdown`], or until its process or runtime ends, which is
        /// lawful at any moment. One that was built and never run ends with its last handle. Once the loop has ended,
        /// every call says [`Stopped`](crate::Stopped).
        ///
        /// A command is durable when it returns. A call whose answer is not waited for is carried out all the same.
        #[derive(Clone, Debug)]
        pub struct Fleet {
            inner: crate::fleet::Inner,
            idle: crate::fleet::Idle,
        }

        impl Fleet {
            /// Begins a fleet. Its name must be unique in the provider's account: it is on every server as a label.
            pub fn builder(name: impl Into<String>) -> FleetBuilder {
                FleetBuilder(crate::blueprint::Blueprint::new(name.into()))
            }

            /// Speaks of one server type. Calls of the fleet itself that need a type mean `default`, or the only one.
            #[must_use]
            pub fn of(&self, server_type: impl Into<String>) -> FleetType {
                let of = crate::fleet::Meant(crate::TypeName::new(server_type));
                FleetType { inner: self.inner.clone(), of }
            }

            fn of_default(&self) -> FleetType {
                FleetType { inner: self.inner.clone(), of: self.inner.default_type() }
            }

            /// Sets how many servers there should be. What is outside of the type's bounds is clamped, which the answer
            /// tells.
            pub $($asyncness)? fn ensure(&self, count: u32) -> Result<crate::Desired, crate::CommandError> {
                $own!(self.of_default().ensure(count))
            }

            /// Raises how many servers there should be. By 0 it does nothing.
            pub $($asyncness)? fn increase(&self, by: u32) -> Result<crate::Desired, crate::CommandError> {
                $own!(self.of_default().increase(by))
            }

            /// Lowers how many servers there should be. By 0 it does nothing, by more than there are it goes to the
            /// minimum.
            pub $($asyncness)? fn decrease(&self, by: u32) -> Result<crate::Desired, crate::CommandError> {
                $own!(self.of_default().decrease(by))
            }

            /// Tells how much work there is, for a type with a [`policy`](crate::ServerType::policy) whose work is counted
            /// by this program. Tell it again and again, each minute for example: what holds a number back, its rate or what was
            /// wanted a while ago, is looked at anew only then. Where the type has sources, they tell it too.
            ///
            /// It returns once the loop was told. The number is decided for soon after that, and nobody waits for it.
            pub $($asyncness)? fn measured(&self, signal: crate::Signal) -> Result<(), crate::CommandError> {
                $own!(self.of_default().measured(signal))
            }

            /// Tells that it is not known how much work there is, and why in one sentence. That is never zero: the
            /// number is held as long as the policy says.
            pub $($asyncness)? fn unmeasured(
                &self,
                reason: impl Into<String>,
            ) -> Result<(), crate::CommandError> {
                $own!(self.of_default().unmeasured(reason))
            }

            /// Gives the last so many decisions about the numbers of servers of types with a
            /// [`policy`](crate::ServerType::policy), oldest first: what was known, what changed the number, what was
            /// done. They are in the ledger; without a [`store`](FleetBuilder::store) there are none.
            pub $($asyncness)? fn decisions(
                &self,
                last: usize,
            ) -> Result<Vec<crate::Decision>, crate::CommandError> {
                $finish!(self.inner.decisions(None, last))
            }

            /// Reboots every server of the type: those that run now, those that start once they run. Gives how many.
            pub $($asyncness)? fn reboot(&self) -> Result<u32, crate::CommandError> {
                $own!(self.of_default().reboot())
            }

            /// Counts the servers that count towards what is desired, of all types: new, starting, running, rebooting.
            pub $($asyncness)? fn provisioned_count(&self) -> Result<u32, crate::CommandError> {
                $finish!(self.inner.provisioned_count(None))
            }

            /// Counts the servers of each status, of all types. Every status is there.
            pub $($asyncness)? fn count_per_status(
                &self,
            ) -> Result<std::collections::BTreeMap<crate::Status, u32>, crate::CommandError> {
                $finish!(self.inner.count_per_status(None))
            }

            /// Gives every server on record, by number.
            pub $($asyncness)? fn servers(&self) -> Result<Vec<crate::Server>, crate::CommandError> {
                $finish!(self.inner.servers(None))
            }

            /// Gives one server.
            pub $($asyncness)? fn server(
                &self,
                id: crate::ServerId,
            ) -> Result<Option<crate::Server>, crate::Stopped> {
                $finish!(self.inner.server(id))
            }

            /// Keeps a value with a server, for [`Server::meta`](crate::Server::meta); null takes it away.
            pub $($asyncness)? fn add_meta(
                &self,
                server: crate::ServerId,
                key: impl Into<String>,
                value: impl Into<serde_json::Value>,
            ) -> Result<(), crate::CommandError> {
                $finish!(self.inner.add_meta(server, key.into(), value.into()))
            }

            /// Keeps a server from being chosen to go.
            pub $($asyncness)? fn protect(&self, server: crate::ServerId) -> Result<(), crate::CommandError> {
                $finish!(self.inner.protect(server, true))
            }

            /// Lets a server be chosen to go again.
            pub $($asyncness)? fn unprotect(&self, server: crate::ServerId) -> Result<(), crate::CommandError> {
                $finish!(self.inner.protect(server, false))
            }

            /// Makes no new servers and chooses none to go, until [`Fleet::resume`], over restarts too.
            pub $($asyncness)? fn pause(&self) -> Result<(), crate::CommandError> {
                $finish!(self.inner.pause(true))
            }

            /// Ends a pause.
            pub $($asyncness)? fn resume(&self) -> Result<(), crate::CommandError> {
                $finish!(self.inner.pause(false))
            }

            /// Ends the holds of all providers: what is seen now is accepted. To be said once somebody has looked at why
            /// they were held. Gives how many were.
            pub $($asyncness)? fn release_holds(&self) -> Result<u32, crate::CommandError> {
                $finish!(self.inner.resume_providers())
            }

            /// Makes servers of this fleet that another ledger made ours, after a ledger was lost. Gives how many.
            pub $($asyncness)? fn take_over(&self) -> Result<u32, crate::CommandError> {
                $finish!(self.inner.take_over())
            }

            /// Gives the fleet as it is known now: types, providers, and what is wrong.
            pub $($asyncness)? fn view(&self) -> Result<crate::FleetView, crate::Stopped> {
                $finish!(self.inner.view())
            }

            /// Waits until the desired servers of every type run and nothing is on its way, for as long as `timeout`.
            pub $($asyncness)? fn wait_until_settled(
                &self,
                timeout: std::time::Duration,
            ) -> Result<crate::FleetView, crate::SettleError> {
                $finish!(self.inner.wait_until_settled(None, timeout))
            }

            /// Reads the events that happen from now on.
            #[must_use]
            pub fn events(&self) -> $events {
                $events::new(self.inner.events(None))
            }

            /// Reads the events after one that was read, in this process or one before it, and goes on with those that
            /// happen. What the ledger does not have any more is told as [`Lagged`](crate::Lagged).
            #[must_use]
            pub fn events_after(&self, event: crate::EventId) -> $events {
                $events::new(self.inner.events(Some(event)))
            }

            /// Gives what the loop has counted so far, for metrics. It neither waits nor holds anybody up.
            #[must_use]
            pub fn metrics(&self) -> crate::Metrics {
                self.inner.handle().metrics()
            }

            /// Runs a fleet that was built, until [`Fleet::shutdown`], or until the ledger cannot be written.
            ///
            /// Giving it up before that is a crash, which is lawful: the next start finds what was under way.
            pub $($asyncness)? fn run(&self) -> Result<(), crate::RunError> {
                let (driver, ending) = match self.idle.begin(&self.inner) {
                    Ok(begun) => begun,
                    Err(ended) => return ended,
                };
                let result = $own!(carry_on(driver));
                ending.tell(result)
            }

            /// Ends the fleet's loop, not its servers, and returns once it has ended, with how: nothing new is begun,
            /// and what is under way is waited for and recorded, each within its own bound; then, for ten seconds at most,
            /// those who listen by [`on_event`](FleetBuilder::on_event). It may be said more than once.
            pub $($asyncness)? fn shutdown(&self) -> Result<(), crate::RunError> {
                if self.idle.end(&self.inner) {
                    return Ok(());
                }
                $finish!(self.inner.shutdown())
            }

            /// Waits until the fleet's loop has ended, and tells how.
            pub $($asyncness)? fn wait_until_ended(&self) -> Result<(), crate::RunError> {
                $finish!(self.inner.wait_until_ended())
            }
        }

        /// One server type of a fleet. See [`Fleet::of`].
        ///
        /// A name that is none, or that of no type, is told by each call.
        #[derive(Clone, Debug)]
        pub struct FleetType {
            inner: crate::fleet::Inner,
            of: crate::fleet::Meant,
        }

        impl FleetType {
            /// As [`Fleet::ensure`].
            pub $($asyncness)? fn ensure(&self, count: u32) -> Result<crate::Desired, crate::CommandError> {
                $finish!(self.inner.ensure(&self.of, count))
            }

            /// As [`Fleet::increase`].
            pub $($asyncness)? fn increase(&self, by: u32) -> Result<crate::Desired, crate::CommandError> {
                $finish!(self.inner.increase(&self.of, by))
            }

            /// As [`Fleet::decrease`].
            pub $($asyncness)? fn decrease(&self, by: u32) -> Result<crate::Desired, crate::CommandError> {
                $finish!(self.inner.decrease(&self.of, by))
            }

            /// As [`Fleet::measured`].
            pub $($asyncness)? fn measured(&self, signal: crate::Signal) -> Result<(), crate::CommandError> {
                $finish!(self.inner.told(&self.of, crate::Told::Known(signal)))
            }

            /// As [`Fleet::unmeasured`].
            pub $($asyncness)? fn unmeasured(
                &self,
                reason: impl Into<String>,
            ) -> Result<(), crate::CommandError> {
                let (reason, since) = (reason.into(), crate::Time::ZERO);
                $finish!(self.inner.told(&self.of, crate::Told::Unknown { reason, since }))
            }

            /// As [`Fleet::decisions`], of this type.
            pub $($asyncness)? fn decisions(
                &self,
                last: usize,
            ) -> Result<Vec<crate::Decision>, crate::CommandError> {
                $finish!(self.inner.decisions(Some(&self.of), last))
            }

            /// As [`Fleet::reboot`].
            pub $($asyncness)? fn reboot(&self) -> Result<u32, crate::CommandError> {
                $finish!(self.inner.reboot(&self.of, None))
            }

            /// As [`Fleet::reboot`], with so many under way at once.
            pub $($asyncness)? fn reboot_at_a_time(&self, servers: u32) -> Result<u32, crate::CommandError> {
                $finish!(self.inner.reboot(&self.of, Some(servers)))
            }

            /// As [`Fleet::provisioned_count`], of this type.
            pub $($asyncness)? fn provisioned_count(&self) -> Result<u32, crate::CommandError> {
                $finish!(self.inner.provisioned_count(Some(&self.of)))
            }

            /// As [`Fleet::count_per_status`], of this type.
            pub $($asyncness)? fn count_per_status(
                &self,
            ) -> Result<std::collections::BTreeMap<crate::Status, u32>, crate::CommandError> {
                $finish!(self.inner.count_per_status(Some(&self.of)))
            }

            /// As [`Fleet::servers`], of this type.
            pub $($asyncness)? fn servers(&self) -> Result<Vec<crate::Server>, crate::CommandError> {
                $finish!(self.inner.servers(Some(&self.of)))
            }

            /// As [`Fleet::wait_until_settled`], of this type.
            pub $($asyncness)? fn wait_until_settled(
                &self,
                timeout: std::time::Duration,
            ) -> Result<crate::FleetView, crate::SettleError> {
                $finish!(self.inner.wait_until_settled(Some(&self.of), timeout))
            }
        }
    };
}

/// Makes `determine_server_count` of the async colours.
#[cfg(any(feature = "tokio", feature = "async-std"))]
macro_rules! async_determine {
    () => {
        impl FleetBuilder {
            /// Calls a closure every minute that looks at the work there is and says how many servers there should be,
            /// with [`Fleet::ensure`] for example. See [`determine_every`](Self::determine_every).
            ///
            /// If it fails, panics or takes too long, the last numbers stay, an event says so
            /// ([`CountUnknown`](crate::EventKind::CountUnknown), once an episode), and it is called again.
            pub fn determine_server_count<F, Fut, T, E>(mut self, determine: F) -> Self
            where
                F: Fn(Fleet) -> Fut + Send + Sync + 'static,
                Fut: Future<Output = Result<T, E>> + Send + 'static,
                E: Into<crate::BoxError> + 'static,
                T: 'static,
            {
                self.0.determine = Some(Box::new(move |plan| {
                    crate::host::CountFn::Async(std::sync::Arc::new(move |handle| {
                        let inner = crate::fleet::Inner::new(handle, std::sync::Arc::clone(&plan));
                        let fleet = Fleet { inner, idle: crate::fleet::Idle::default() };
                        let determined = determine(fleet);
                        Box::pin(async move {
                            let determined = determined.await;
                            determined.map(drop).map_err(crate::errors::told)
                        })
                    }))
                }));
                self
            }
        }
    };
}

#[cfg(any(feature = "tokio", feature = "async-std"))]
pub(crate) use async_determine;
pub(crate) use face;
