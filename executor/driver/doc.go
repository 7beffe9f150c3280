// Package driver turns outside events into completions: timers that expire, sockets that become
// ready, blocking jobs that end.
//
// It does not know tasks. The caller passes a function, the completion, and the driver calls it; a
// guest's completion wakes its task.
//
//   - Timers ([Driver.Start], [Driver.Stop]) are kept in one heap. They fire on the driver's own
//     goroutine, which an alarm wakes when the first is due, and on the executor's workers, which call
//     [Driver.Expire] between quanta. When guests keep every processor busy, Go runs the driver's
//     goroutine late; the workers still run, and say so ([Driver.Attend]). On Linux the alarm is a
//     timer descriptor, if [Config.SystemTimer] is set.
//   - Blocking jobs ([Driver.Go]) run on a bounded number of threads. They are grouped in lanes by
//     what they may wait for, such as a file system, and tenants and owners take turns. What hangs in
//     one lane or of one tenant does not hold up the others. Lookups of names ([Driver.GoLookup]) hold no thread and have a
//     bound of their own.
//   - A descriptor is registered once ([Driver.Register]), and all waits for its readiness share the
//     registration. On Linux it is with an epoll of the driver's own, and a wait costs neither a
//     goroutine nor a descriptor nor a system call. Events are taken by a goroutine that Go's poller
//     wakes, and by the executor's workers, which call [Driver.Poll] between quanta.
//
// # Concurrency
//
// All methods may be called from any goroutine, including completions, with one exception: a
// completion must call neither Expire nor Poll, nor the Source or the stop function of the wait that it
// completes. Only [Driver.Close] blocks. Completions must not block: they hold up the timers behind them
// or, through Expire and Poll, a worker. Every goroutine of the driver has ended when Close returns.
package driver
