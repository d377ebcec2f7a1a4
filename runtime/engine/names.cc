// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/names.h"

#include <algorithm>
#include <array>
#include <random>

#include "base/quote.h"

namespace ballast::engine {
namespace {

constexpr std::size_t kIdSize = 64, kShortSize = 12, kLongestName = 255;

constexpr std::array kAdjectives = std::to_array<std::string_view>(
    {"able",   "agile",    "amber",   "ample",   "awake",   "brave",    "bright",  "brisk",    "calm",   "careful",
     "casual", "cheerful", "clear",   "clever",  "cordial", "cosy",     "curious", "daring",   "deft",   "earnest",
     "eager",  "easy",     "elated",  "even",    "fair",    "faithful", "famous",  "fearless", "fine",   "fluent",
     "fond",   "frank",    "free",    "gallant", "gentle",  "glad",     "golden",  "graceful", "grand",  "happy",
     "hardy",  "honest",   "hopeful", "humble",  "ideal",   "jolly",    "keen",    "kind",     "lively", "loyal",
     "lucid",  "lucky",    "mellow",  "merry",   "mild",    "modest",   "neat",    "nimble",   "noble",  "patient",
     "placid", "playful",  "polite",  "proud",   "quick",   "quiet",    "rapid",   "ready",    "serene", "sharp",
     "silent", "sincere",  "smooth",  "solid",   "sound",   "spry",     "steady",  "still",    "stoic",  "sturdy",
     "sunny",  "swift",    "tender",  "tidy",    "trusty",  "upbeat",   "valiant", "vivid",    "warm",   "wise"});

// People to whom whoever runs a container owes something.
constexpr std::array kSurnames = std::to_array<std::string_view>(
    {"allen",        "babbage",  "backus",  "bartik",    "bell",     "berners",   "boole",   "booth",   "brooks",
     "cerf",         "church",   "clarke",  "cocke",     "codd",     "corbato",   "curie",   "dahl",    "darwin",
     "dijkstra",     "easley",   "eckert",  "einstein",  "elion",    "engelbart", "erdos",   "euler",   "faraday",
     "fermi",        "feynman",  "floyd",   "franklin",  "galois",   "gauss",     "germain", "godel",   "goldberg",
     "hamilton",     "hamming",  "hellman", "hertz",     "hoare",    "holberton", "hopper",  "hypatia", "iverson",
     "jackson",      "jacquard", "johnson", "kay",       "keller",   "kepler",    "kilburn", "kleene",  "knuth",
     "kovalevskaya", "lamarr",   "lamport", "leibniz",   "liskov",   "lovelace",  "mauchly", "maxwell", "mendel",
     "mccarthy",     "meitner",  "milner",  "minsky",    "naur",     "neumann",   "newton",  "noether", "nygaard",
     "pascal",       "perlis",   "perlman", "planck",    "poincare", "postel",    "rabin",   "raman",   "ritchie",
     "rubin",        "scott",    "shannon", "sinclair",  "snyder",   "stallman",  "tarjan",  "tesla",   "thompson",
     "turing",       "volta",    "wilkes",  "wilkinson", "wirth",    "wu",        "yalow",   "zuse"});

std::uint32_t random_number() { return std::random_device{}(); }

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

} // namespace

std::string random_id() {
    constexpr std::string_view kDigits = "0123456789abcdef";
    while (true) {
        std::string id;
        while (id.size() < kIdSize) {
            for (std::uint32_t bits = random_number(), digit = 0; digit < 8; digit++, bits >>= 4U) {
                id += kDigits[bits & 0xfU];
            }
        }
        if (std::ranges::any_of(short_id(id), [](char c) { return c >= 'a'; })) {
            return id;
        }
    }
}

std::string random_name(int attempt) {
    std::string name(kAdjectives[random_number() % kAdjectives.size()]);
    name.append("_").append(kSurnames[random_number() % kSurnames.size()]);
    return attempt == 0 ? name : name + std::to_string(random_number() % 10);
}

bool is_id(std::string_view text) {
    return text.size() == kIdSize &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string short_id(std::string_view id) { return std::string(id.substr(0, kShortSize)); }

Status check_name(std::string_view name, std::string_view kind) {
    const bool letters =
        std::ranges::all_of(name, [](char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; });
    if (name.size() >= 2 && name.size() <= kLongestName && letters && is_letter_or_digit(name.front())) {
        return {};
    }
    const std::string shown = escaped(name.substr(0, kLongestName));
    if (kind == "volume") {
        return fail(EINVAL, "create " + shown + ": \"" + shown +
                                "\" includes invalid characters for a local volume name, only "
                                "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, "
                                "use absolute path");
    }
    return fail(EINVAL,
                "Invalid " + std::string(kind) + " name (" + shown + "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
}

} // namespace ballast::engine
