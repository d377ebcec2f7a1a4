// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

// Gives a parser mutations of known texts for a bounded time and asks whether it keeps its promises. Deterministic: the
// same corpus and seed make the same inputs in the same order. The input that crashed or hung the parser, or that it
// broke a promise on, is left in out/fuzz/NAME.input. A parser's fuzz target is one TEST_CASE, see spec_reader_fuzz.cc.
// Sanitizers need abort_on_error=1 in ASAN_OPTIONS for an input to be left.
namespace ballast::fuzz {

using Random = std::mt19937_64;

// What a parser made of one input.
struct Verdict {
    bool accepted = false;
    std::string broken_promise; // empty: none
};

struct Plan {
    std::string name;
    std::filesystem::path corpus; // a directory of files that the parser accepts; from the checkout's top
    std::function<Verdict(std::string_view input)> parse;
    std::chrono::seconds duration{10}; // BALLAST_FUZZ_SECONDS in the environment wins
    std::vector<std::string> words;    // what may make a difference to the parser: names, limits, odd values
};

struct Report {
    std::uint64_t runs = 0;
    std::uint64_t accepted = 0;
    std::string problem; // the first promise broken, and where its input is; empty: none
};

// BALLAST_FUZZ_SEED sets the seed, 1 by default. Every file of the corpus is tried as it is, first, and must be
// accepted. Reads the corpus once; parsers are called in this process, one at a time.
Report run(const Plan &plan);

// The same as a test: it fails for a broken promise, and unless more than one input in `one_in` was accepted, for
// mutations that are all refused test nothing behind the first check.
void check(const Plan &plan, std::uint64_t one_in = 20);

// The two steps of a mutation, for parsers that want a mixture of their own.
std::string mutate_bytes(std::string text, const std::vector<std::string> &words, Random &random);
// On what is not JSON it works on bytes. `others`: whose parts may be put in.
std::string mutate_json(const std::string &text, const std::vector<std::string> &others,
                        const std::vector<std::string> &words, Random &random);

// A promise that every parser of ours makes: a message of one line, not empty, not long, without control characters.
// What it breaks; empty: nothing.
std::string bad_message(std::string_view message);

} // namespace ballast::fuzz
