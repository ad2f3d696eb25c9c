/*
 * failpoint.h -- places where a test may kill the process, or make it wait or fail.
 *
 * Compiled in with -DCDC_FAILPOINTS only; a release build has no trace of them.
 * ROWFERRY_FAILPOINTS="k.endtxn.before:kill@2,src.ack.after:sleep(50)": at the second
 * (default: first) arrival the action is taken: kill (SIGKILL to ourselves), stop
 * (SIGSTOP), exit (status 70), err (the caller fails), sleep(ms).
 */
#ifndef CDC_FAILPOINT_H
#define CDC_FAILPOINT_H

#ifdef CDC_FAILPOINTS
/* -1 when the caller should fail here, else 0. */
int failpoint(const char *name);
#else
#define failpoint(name) 0
#endif

#endif
