// Checks histories, one JSON object in a line, with Porcupine; prints the names of those that are not linearizable.
//
// A task is absent, or has a title, a completion and a revision. A counter is a user's revision, and how many tasks
// there are. A response that was lost leaves two possibilities, whether there was something to write or not: so the
// models are not deterministic.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

const patience = 2 * time.Minute // for one history; to have no verdict is an error

type operation struct {
	Client  int    `json:"client"`
	Call    int64  `json:"call"`
	Return  int64  `json:"return"`
	Do      string `json:"do"`      // create, update, delete, read, init; of a counter write, read, init
	Known   bool   `json:"known"`   // whether there was a response
	Found   bool   `json:"found"`   // it said that the task is there, or was until this deletion
	Applied bool   `json:"applied"` // it said that this wrote
	Want    change `json:"want"`
	Task    task   `json:"task"` // that it showed
	// Of a counter: how many writes and how many tasks more, and what it showed; -1 where it did not.
	Writes   int64 `json:"writes"`
	More     int64 `json:"more"`
	Revision int64 `json:"revision"`
	Count    int64 `json:"count"`
}

type change struct {
	Title     *string `json:"title"`
	Completed *bool   `json:"completed"`
	Revision  *int64  `json:"if_revision"`
}

type task struct {
	There     bool   `json:"there"`
	Title     string `json:"title"`
	Completed bool   `json:"completed"`
	Revision  int64  `json:"revision"` // 0 where nobody was told
}

type counter struct{ revision, count int64 }

type history struct {
	Kind       string      `json:"kind"`
	Name       string      `json:"name"`
	Operations []operation `json:"operations"`
}

var models = map[string]porcupine.Model{
	"task": (&porcupine.NondeterministicModel{
		Init:  func() []interface{} { return []interface{}{task{}} },
		Step:  func(state, input, output interface{}) []interface{} { return stepTask(state.(task), input.(operation)) },
		Equal: func(one, other interface{}) bool { return one == other },
	}).ToModel(),
	"counter": (&porcupine.NondeterministicModel{
		Init:  func() []interface{} { return []interface{}{counter{}} },
		Step:  func(state, input, output interface{}) []interface{} { return stepCounter(state.(counter), input.(operation)) },
		Equal: func(one, other interface{}) bool { return one == other },
	}).ToModel(),
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<30)
	for lines.Scan() {
		var found history
		if err := json.Unmarshal(lines.Bytes(), &found); err != nil {
			fail(err)
		}
		switch verdict := porcupine.CheckOperationsTimeout(models[found.Kind], operations(found), patience); verdict {
		case porcupine.Illegal:
			fmt.Println(found.Name)
		case porcupine.Unknown:
			fail(fmt.Errorf("no verdict on %s %s in %s", found.Kind, found.Name, patience))
		}
	}
	if err := lines.Err(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func operations(found history) []porcupine.Operation {
	all := make([]porcupine.Operation, 0, len(found.Operations))
	for _, each := range found.Operations {
		all = append(all, porcupine.Operation{
			ClientId: each.Client, Input: each, Call: each.Call, Output: nil, Return: each.Return,
		})
	}
	return all
}

func stepTask(before task, what operation) []interface{} {
	if what.Do == "init" {
		return states(what.Task)
	}
	after := applied(before, what)
	if !what.Known {
		return states(before, after)
	}
	if what.Found != before.There && !(what.Do == "create" && what.Applied) {
		return nil
	}
	if !what.Applied {
		return refused(before, what)
	}
	if what.Do == "create" && before.There || !mayApply(before, what.Want) {
		return nil
	}
	if what.Do == "delete" {
		return states(after)
	}
	after.Revision = what.Task.Revision
	if after != what.Task || what.Task.Revision <= before.Revision {
		return nil
	}
	return states(after)
}

// A response that shows what is there, if anything is, and says that this wrote nothing.
func refused(before task, what operation) []interface{} {
	if !before.There {
		return states(before)
	}
	if what.Want.Revision != nil && before.Revision == *what.Want.Revision {
		return nil
	}
	seen := before
	if seen.Revision == 0 {
		seen.Revision = what.Task.Revision // now somebody was told
	}
	if seen != what.Task {
		return nil
	}
	return states(seen)
}

func mayApply(before task, want change) bool {
	return want.Revision == nil || before.Revision == 0 || before.Revision == *want.Revision
}

func applied(before task, what operation) task {
	switch {
	case what.Do == "read", what.Do == "create" && before.There, what.Do != "create" && !before.There:
		return before
	case what.Do == "delete":
		if mayApply(before, what.Want) {
			return task{}
		}
		return before
	case !mayApply(before, what.Want):
		return before
	}
	after := task{There: true, Title: before.Title, Completed: before.Completed}
	if what.Want.Title != nil {
		after.Title = *what.Want.Title
	}
	if what.Want.Completed != nil {
		after.Completed = *what.Want.Completed
	}
	return after
}

func stepCounter(before counter, what operation) []interface{} {
	if what.Do == "init" {
		return states(counter{what.Revision, what.Count})
	}
	after := counter{before.revision + what.Writes, before.count + what.More}
	if !what.Known {
		return states(before, after)
	}
	if what.Revision >= 0 && what.Revision != after.revision || what.Count >= 0 && what.Count != after.count {
		return nil
	}
	return states(after)
}

func states[T comparable](all ...T) []interface{} {
	found := make([]interface{}, 0, len(all))
	for _, each := range all {
		found = append(found, each)
	}
	return found
}
