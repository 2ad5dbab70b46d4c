/* The worker and the client for gearmand.
     gearman_tasks PORT worker
     gearman_tasks PORT many noop|true N   prints the seconds from the first submission to the last result
     gearman_tasks PORT one N              prints N latencies in ms, a line each
     gearman_tasks PORT queue N            N tasks that nobody takes */
#include <libgearman/gearman.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char** environ;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void* do_noop(gearman_job_st* job, void* context, size_t* size, gearman_return_t* end) {
  (void)job, (void)context;
  *size = 0;
  *end = GEARMAN_SUCCESS;
  return NULL;
}

static void* do_true(gearman_job_st* job, void* context, size_t* size, gearman_return_t* end) {
  (void)job, (void)context;
  char* words[] = {"/bin/true", NULL};
  pid_t child = 0;
  int status = 1;
  const int started = posix_spawn(&child, words[0], NULL, NULL, words, environ);
  if (started == 0) waitpid(child, &status, 0);
  *size = 0;
  *end = started == 0 && status == 0 ? GEARMAN_SUCCESS : GEARMAN_WORK_FAIL;
  return NULL;
}

static int completed = 0;

static gearman_return_t on_complete(gearman_task_st* task) {
  (void)task;
  ++completed;
  return GEARMAN_SUCCESS;
}

static int serve(int port) {
  gearman_worker_st* worker = gearman_worker_create(NULL);
  gearman_worker_add_server(worker, "127.0.0.1", (in_port_t)port);
  gearman_worker_add_function(worker, "noop", 0, do_noop, NULL);
  gearman_worker_add_function(worker, "true", 0, do_true, NULL);
  while (gearman_success(gearman_worker_work(worker))) {
  }
  return 1;
}

static int run_many(gearman_client_st* client, const char* what, int count) {
  const double begun = now();
  gearman_client_set_complete_fn(client, on_complete);
  for (int i = 0; i < count; ++i) {
    gearman_return_t added;
    gearman_client_add_task(client, NULL, NULL, what, NULL, "x", 1, &added);
    if (gearman_failed(added)) return 1;
  }
  if (gearman_failed(gearman_client_run_tasks(client)) || completed != count) return 1;
  printf("%.6f\n", now() - begun);
  return 0;
}

static int run_one_by_one(gearman_client_st* client, int count) {
  for (int i = 0; i < count; ++i) {
    size_t size = 0;
    gearman_return_t end;
    const double begun = now();
    free(gearman_client_do(client, "noop", NULL, "x", 1, &size, &end));
    if (gearman_failed(end)) return 1;
    printf("%.4f\n", (now() - begun) * 1e3);
  }
  return 0;
}

static int queue(gearman_client_st* client, int count) {
  gearman_job_handle_t handle;
  for (int i = 0; i < count; ++i) {
    if (gearman_failed(gearman_client_do_background(client, "later", NULL, "x", 1, handle))) return 1;
  }
  return 0;
}

int main(int count, char** words) {
  if (count < 3) return 2;
  const int port = atoi(words[1]);
  if (strcmp(words[2], "worker") == 0) return serve(port);
  gearman_client_st* client = gearman_client_create(NULL);
  gearman_client_add_server(client, "127.0.0.1", (in_port_t)port);
  int failed = 2;
  if (count == 5 && strcmp(words[2], "many") == 0) failed = run_many(client, words[3], atoi(words[4]));
  if (count == 4 && strcmp(words[2], "one") == 0) failed = run_one_by_one(client, atoi(words[3]));
  if (count == 4 && strcmp(words[2], "queue") == 0) failed = queue(client, atoi(words[3]));
  if (failed) fprintf(stderr, "gearman_tasks: %s\n", gearman_client_error(client));
  return failed;
}
