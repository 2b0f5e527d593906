// PocketBase as its documentation has one start it from Go ("Extend with Go"). With SYNCHRONOUS=FULL in the
// environment, each connection to SQLite syncs what it commits, which it does not as shipped; all else stays.
package main

import (
	"context"
	"log"
	"os"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
	"modernc.org/sqlite"
)

func main() {
	if os.Getenv("SYNCHRONOUS") == "FULL" {
		sqlite.RegisterConnectionHook(func(connection sqlite.ExecQuerierContext, _ string) error {
			_, err := connection.ExecContext(context.Background(), "PRAGMA synchronous = FULL", nil)
			return err
		})
	}
	app := pocketbase.New()
	app.OnServe().BindFunc(func(serving *core.ServeEvent) error {
		var synchronous int
		// As the connection that writes has it: 1 is NORMAL, 2 is FULL.
		if err := app.NonconcurrentDB().NewQuery("PRAGMA synchronous").Row(&synchronous); err != nil {
			return err
		}
		log.Printf("synchronous=%d", synchronous)
		return serving.Next()
	})
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}
