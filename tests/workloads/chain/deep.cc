// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: 300 frames of C++ in a thread: templates and members of namespaces, by their demangled names, with or without parameters; two that call
 * each other.
 */
#include <stdio.h>
#include <thread>
#include <unistd.h>

#include "../named_frame.h"
#include "chain.h"

namespace deep
{

constexpr int frames_most = 300;
struct chain chain;

template <typename T> NAMED_FRAME T descend(T left);

namespace inner
{

template <typename T> struct Walker {
	T taken = 0;

	NAMED_FRAME T step(T left)
	{
		chain_enter(&chain);
		CHAIN_CALL(&chain, "deep::inner::Walker<int>::step(int)|deep::inner::Walker<int>::step", taken += (T)descend<long>(left));
		return taken;
	}
};

} // namespace inner

template <typename T> NAMED_FRAME T descend(T left)
{
	inner::Walker<int> walker;
	T result = left;

	chain_enter(&chain);
	if (left == 0)
		CHAIN_CALL(&chain, "long deep::descend<long>(long)|deep::descend<long>", chain_fail(&chain));
	else
		CHAIN_CALL(&chain, "long deep::descend<long>(long)|deep::descend<long>", result += walker.step((int)(left - 1)));
	return result;
}

NAMED_FRAME void run(const char *name)
{
	chain.end = CHAIN_END_THREAD;
	chain_fill(&chain, 0);
	CHAIN_CALL(&chain, "deep::run(char const*)|deep::run", descend<long>(frames_most / 2 - 1));
	puts(name);
}

} // namespace deep

int main(int argc, char **argv)
{
	FILE *oracle = stdout;

	if (argc == 3 && getopt(argc, argv, "o:") == 'o')
		oracle = fopen(optarg, "we");
	if (!oracle) {
		perror(optarg);
		return 1;
	}
	deep::chain.fd = fileno(oracle);
	std::thread thread(deep::run, "deep: munmap() did not fail");
	thread.join();
	return 1;
}
