// Package driver turns what the outside does into completions: timers that expire, sockets that
// become ready, jobs that can only be done blockingly.
//
// It knows nothing of tasks. Whoever waits hands over a function, the completion, and the driver
// calls it; for a guest that function wakes its task.
//
//   - Timers ([Driver.Start], [Driver.Stop]) are kept in one heap. They fire on the driver's own
//     goroutine, which sleeps until the first is due, and on the executor's workers, which call
//     [Driver.Expire] between quanta: when guests keep every processor busy, Go runs neither its
//     own timers nor the driver's goroutine on time, and the workers are the only ones awake.
//   - Blocking jobs ([Driver.Go]) run on a bounded number of threads, in lanes by what they may have to
//     wait for, and fairly between those on whose behalf they run. What hangs in one lane does not
//     hold up the others. Lookups of names ([Driver.GoLookup]) hold no thread and have bounds of their
//     own.
//   - Socket readiness ([Driver.AwaitReadable], [Driver.AwaitWritable]) rests on the Go runtime's
//     own poller.
//
// All methods may be called from any goroutine, and from completions too, except that a completion
// calls neither Expire nor the stop function of the wait it completes. None blocks but
// [Driver.Close]. Completions must not block: they hold up the timers behind them or, through
// Expire, a worker. Every goroutine the driver starts has ended when Close returns.
package driver
