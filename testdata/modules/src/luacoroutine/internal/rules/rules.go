// Package rules runs the rules that decide about payments.
package rules

import (
	"context"

	lua "github.com/yuin/gopher-lua"
)

// steps are coroutines, so that a rule can stop half-way and hand over a note.
const program = `
local function steps(amount, age)
  local risk = 0
  if amount > 500 then risk = risk + 40 end
  coroutine.yield(risk)
  if age < 30 then risk = risk + 25 end
  coroutine.yield(risk)
  return risk + amount % 10
end

function score(amount, age)
  local co = coroutine.create(steps)
  local risk, ok = 0, true
  while coroutine.status(co) ~= "dead" do
    ok, risk = coroutine.resume(co, amount, age)
  end
  return risk
end
`

// Engine has some interpreters that were started once and serve all payments.
type Engine struct {
	idle chan *lua.LState
}

// New starts n interpreters, which run until ctx ends.
func New(ctx context.Context, n int) (*Engine, error) {
	e := &Engine{idle: make(chan *lua.LState, n)}
	for i := 0; i < n; i++ {
		state := lua.NewState(lua.Options{RegistrySize: 1024, CallStackSize: 32})
		state.SetContext(ctx)
		if err := state.DoString(program); err != nil {
			return nil, err
		}
		e.idle <- state
	}
	return e, nil
}

// Score is the risk of a payment.
func (e *Engine) Score(amount, age int) (int, error) {
	state := <-e.idle
	defer func() { e.idle <- state }()
	return call(state, amount, age)
}

func call(state *lua.LState, amount, age int) (int, error) {
	err := state.CallByParam(lua.P{Fn: state.GetGlobal("score"), NRet: 1, Protect: true},
		lua.LNumber(amount), lua.LNumber(age))
	if err != nil {
		return 0, err
	}
	risk := state.ToInt(-1)
	state.Pop(1)
	return risk, nil
}
