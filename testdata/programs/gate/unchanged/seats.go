package gate

// The rows of the largest plane, with what is known of each seat.
const seatPlanSize = 32 << 10

// seatPlan says which seats of a flight are taken.
func seatPlan(flight int) []byte {
	plan := make([]byte, seatPlanSize)
	plan[0] = byte(flight)
	return plan
}
