package ledger_test

import (
	"testing"

	"tocsin/internal/ledger"
	"tocsin/internal/ledger/storetest"
)

func TestMemory(t *testing.T) { storetest.Run(t, ledger.NewMemory()) }
