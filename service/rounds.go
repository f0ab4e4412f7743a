package service

// Rounds splits items into batches whose keys are distinct, keeping the order
// of equal keys. One write of a batch must not touch a key twice: the second
// would conflict with the first and roll both back, for ever.
func Rounds[T any, K comparable](items []T, key func(T) K) [][]T {
	seen := make(map[K]int, len(items))
	rounds := make([][]T, 0, 1)
	for _, item := range items {
		k := key(item)
		round := seen[k]
		seen[k]++
		if round == len(rounds) {
			rounds = append(rounds, make([]T, 0, len(items)))
		}
		rounds[round] = append(rounds[round], item)
	}
	return rounds
}
