// Runs every scenario through the Go RPC client. The network's description is JSON on stdin; each case's outcome is
// a line of JSON on stdout.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
)

type scenario func(*localNetwork)

func main() {
	var given description
	check(json.NewDecoder(os.Stdin).Decode(&given))
	network := newLocalNetwork(given)
	network.fundEverybody()
	for _, run := range slices.Concat(
		nodeScenarios,
		entryScenarios,
		openingScenarios,
		simulationScenarios,
		submissionScenarios,
		transactionScenarios,
		lifetimeScenarios,
		pagingScenarios,
		eventScenarios,
		closingScenarios,
	) {
		attempt(run, network)
	}
}

// attempt tells on stderr what a scenario fails with; its other cases stay without an outcome.
func attempt(run scenario, network *localNetwork) {
	defer func() {
		if failure := recover(); failure != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", failure, debug.Stack())
		}
	}()
	run(network)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
