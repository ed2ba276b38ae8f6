package notify_test

import (
	"testing"

	"tocsin/internal/notify"
	"tocsin/internal/notify/storetest"
)

func TestMemory(t *testing.T) { storetest.Run(t, notify.NewMemory(), 20) }
