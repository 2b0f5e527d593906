// What a front end does with the client that openapi-typescript makes: each call as its types allow it, and no other.

import createClient from "openapi-fetch";
import type { components, paths } from "./taskward.ts";

type Task = components["schemas"]["TaskRead"];

declare const process: { argv: string[] };
const [, , baseUrl, token] = process.argv;

const taskward = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

function there<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const milk: Task = there(await taskward.POST("/tasks", { body: { title: "Buy milk" } }));
const ferns = there(
  await taskward.POST("/tasks", {
    params: { header: { "Idempotency-Key": "the ferns" } },
    body: {
      title: "Water the ferns",
      due_date: "2026-11-27",
      due_time: "18:00",
      due_zone: "Europe/Berlin",
      priority: "high",
      tags: ["Home", "plants"],
    },
  }),
);

const query = { status: "pending", sort: "due", order: "asc", due_to: "2026-12-01", priority: "high,low" } as const;
const list = there(await taskward.GET("/tasks", { params: { query: { ...query, tags: "home", q: "FERN", limit: 10 } } }));
const [first] = list.tasks;

const path = { task_id: ferns.id };
const read = await taskward.GET("/tasks/{task_id}", { params: { path } });
const header = { "If-Match": read.response.headers.get("ETag") ?? "" };
const changes = { due_date: null, priority: null };
const updated = there(await taskward.PATCH("/tasks/{task_id}", { params: { path, header }, body: changes }));

const late = await taskward.PUT("/tasks/{task_id}", { params: { path, header }, body: { title: "Too late" } });
let current: Task | undefined;
if (late.error?.code === "PRECONDITION_FAILED") current = late.error.current; // which no other error has

const toggled = there(await taskward.PATCH("/tasks/{task_id}/toggle", { params: { path } }));
const body = { completed: true };
const completed = there(await taskward.PATCH("/tasks/{task_id}/complete", { params: { path }, body }));

const deleted = await taskward.DELETE("/tasks/{task_id}", { params: { path } });
const gone = await taskward.GET("/tasks/{task_id}", { params: { path } });
const nobody = createClient<paths>({ baseUrl, headers: { Authorization: "Bearer nonsense" } });
const stranger = await nobody.GET("/tasks");
const refused = await taskward.POST("/tasks", { body: { title: "" } });

const operations: components["schemas"]["Batch"]["operations"] = [
  { do: "create", task: { uid: "bread", title: "Buy bread" } },
  { do: "update", id: ferns.id, if_revision: ferns.revision, task: { completed: true } },
];
const [bread, missed] = there(await taskward.POST("/tasks/batch", { body: { operations } })).results;
if (bread?.status !== 201 || missed?.status !== 404) throw new Error("the one was to be made, and the other missed");
const undo = { operations: [{ do: "delete" as const, id: bread.task.id }] };
const [undone] = there(await taskward.POST("/tasks/batch", { body: undo })).results;

type TaskError = NonNullable<typeof gone.error>;

/** Every code that reading a task can end in: one more or less, and this does not type-check. */
function advice(code: TaskError["code"]): string {
  switch (code) {
    case "TASK_NOT_FOUND":
    case "FORBIDDEN":
    case "SCOPE_MISSING":
      return "forget it";
    case "TOKEN_MISSING":
    case "TOKEN_EXPIRED":
    case "TOKEN_INVALID":
      return "log in";
    case "RATE_LIMITED":
    case "DATABASE_UNAVAILABLE":
    case "KEYS_UNAVAILABLE":
      return "wait";
    case "INTERNAL_ERROR":
    case "VALIDATION_ERROR":
      return "tell a developer";
  }
}

// What is wrong is refused before it is sent.
export const mistakes = () => [
  // @ts-expect-error: a title is needed
  taskward.POST("/tasks", { body: { description: "Two litres" } }),
  // @ts-expect-error: in a batch, a name is as well
  { do: "create", task: { title: "x" } } satisfies components["schemas"]["CreateOperation"],
  // @ts-expect-error: there is no such field
  { title: "x", colour: "red" } satisfies components["schemas"]["TaskCreate"],
  // @ts-expect-error: nor such a priority
  taskward.PATCH("/tasks/{task_id}", { params: { path }, body: { priority: "urgent" } }),
  // @ts-expect-error: nor such an order
  taskward.GET("/tasks", { params: { query: { sort: "colour" } } }),
  // @ts-expect-error: this error cannot come from here
  gone.error?.code === "IDEMPOTENCY_IN_PROGRESS",
];

console.log(
  JSON.stringify({
    created: [milk.title, ferns.due_zone],
    listed: [list.count, first?.title, first?.priority],
    updated: [updated.due_date, updated.due_time, updated.tags],
    current: current?.title,
    completed: [toggled.completed, completed.completed, completed.completed_at !== null],
    deleted: deleted.response.status,
    gone: gone.error && [gone.error.code, advice(gone.error.code)],
    batch: [bread.status, bread.task.title, missed.code, undone?.status],
    stranger: stranger.error?.code,
    refused: refused.error?.code === "VALIDATION_ERROR" && refused.error.errors?.map(({ field }) => field),
  }),
);
