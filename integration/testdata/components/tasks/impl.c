// Asynchronous functions: one that does not wait, and one that waits by its callback.
#include "worker.h"

#include <stdlib.h>
#include <string.h>

worker_callback_code_t exports_example_tasks_tasks_greet(worker_string_t *name) {
    static const char hello[] = "hello, ";
    size_t n = name->len + sizeof hello - 1;
    char *text = malloc(n);
    memcpy(text, hello, sizeof hello - 1);
    memcpy(text + sizeof hello - 1, name->ptr, name->len);
    worker_string_t result = {(uint8_t *)text, n};
    exports_example_tasks_tasks_greet_return(result);
    free(text);
    worker_string_free(name);
    return WORKER_CALLBACK_CODE_EXIT;
}

worker_callback_code_t exports_example_tasks_tasks_greet_callback(worker_event_t *event) {
    (void)event;
    abort();
}

// What a call that sleeps knows while it waits.
struct sleeper {
    uint32_t ms;
    worker_waitable_set_t set;
};

worker_callback_code_t exports_example_tasks_tasks_sleep(uint32_t ms) {
    worker_subtask_status_t wait = wasi_clocks_monotonic_clock_wait_for((uint64_t)ms * 1000000);
    if (WORKER_SUBTASK_STATE(wait) == WORKER_SUBTASK_RETURNED) {
        exports_example_tasks_tasks_sleep_return(ms);
        return WORKER_CALLBACK_CODE_EXIT;
    }
    struct sleeper *s = malloc(sizeof *s);
    s->ms = ms;
    s->set = worker_waitable_set_new();
    worker_waitable_join(WORKER_SUBTASK_HANDLE(wait), s->set);
    worker_context_set_0(s);
    return WORKER_CALLBACK_CODE_WAIT(s->set);
}

worker_callback_code_t exports_example_tasks_tasks_sleep_callback(worker_event_t *event) {
    struct sleeper *s = worker_context_get_0();
    if (event->event == WORKER_EVENT_CANCEL) {
        worker_task_cancel();
        return WORKER_CALLBACK_CODE_EXIT;
    }
    if (event->code != WORKER_SUBTASK_RETURNED)
        return WORKER_CALLBACK_CODE_WAIT(s->set);
    worker_waitable_join(event->waitable, 0);
    worker_subtask_drop(event->waitable);
    worker_waitable_set_drop(s->set);
    exports_example_tasks_tasks_sleep_return(s->ms);
    free(s);
    return WORKER_CALLBACK_CODE_EXIT;
}
