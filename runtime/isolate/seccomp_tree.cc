// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/seccomp_tree.h"

#include <cstddef>
#include <cstdint>
#include <linux/seccomp.h>
#include <map>
#include <optional>
#include <set>
#include <span>

namespace ballast::isolate {
namespace {

using Filter = std::vector<sock_filter>;

constexpr unsigned kLoad = BPF_LD | BPF_W | BPF_ABS;
constexpr unsigned kReturn = BPF_RET | BPF_K;
constexpr unsigned kAlways = BPF_JMP | BPF_JA;
constexpr unsigned kEqual = BPF_JMP | BPF_JEQ | BPF_K;
constexpr unsigned kAtLeast = BPF_JMP | BPF_JGE | BPF_K;
constexpr unsigned kAbove = BPF_JMP | BPF_JGT | BPF_K;

constexpr std::uint32_t kNumber = offsetof(seccomp_data, nr);
constexpr std::uint32_t kArchitecture = offsetof(seccomp_data, arch);

// What a filter does once number and architecture are known: an answer, or the place where it loads anything else.
struct Outcome {
    bool answers = false;
    std::uint32_t value = 0; // the answer, or an index into the filter
    auto operator<=>(const Outcome &) const = default;
};

// Numbers from `first` on, up to the next range's.
struct Range {
    std::uint32_t first = 0;
    Outcome outcome;
};

// Where answers may change.
struct Constants {
    std::set<std::uint32_t> architectures;
    std::set<std::uint32_t> numbers{0}; // first of a range
};

bool is_comparison(unsigned code) { return code == kEqual || code == kAtLeast || code == kAbove; }

// Walks everything that can be reached before an argument is loaded. False for what this file does not understand.
class Survey {
  public:
    explicit Survey(const Filter &filter) : filter_(filter) {}

    bool walk(std::size_t place, std::uint32_t holds, Constants &found) {
        for (; place < filter_.size() && seen_.emplace(place, holds).second; ++place) {
            const sock_filter &step = filter_[place];
            if (step.code == kReturn || (step.code == kLoad && step.k != kNumber && step.k != kArchitecture)) {
                return true;
            }
            if (step.code == kLoad) {
                holds = step.k;
            } else if (step.code == kAlways) {
                place += step.k;
            } else if (!is_comparison(step.code) || !note(step, holds, found)) {
                return false;
            } else if (!walk(place + 1 + step.jt, holds, found)) {
                return false;
            } else {
                place += step.jf;
            }
        }
        return place < filter_.size();
    }

  private:
    static bool note(const sock_filter &step, std::uint32_t holds, Constants &found) {
        if (holds == kArchitecture && step.code == kEqual) {
            found.architectures.insert(step.k);
            return true;
        }
        if (holds != kNumber) {
            return false;
        }
        if (step.code != kAbove) {
            found.numbers.insert(step.k);
        }
        if (step.code != kAtLeast && step.k != ~0U) {
            found.numbers.insert(step.k + 1);
        }
        return true;
    }

    const Filter &filter_;
    std::set<std::pair<std::size_t, std::uint32_t>> seen_;
};

// Of a filter that the survey understood, so it ends and every jump is inside.
Outcome outcome_of(const Filter &filter, std::uint32_t architecture, std::uint32_t number) {
    std::uint32_t value = 0;
    for (std::size_t place = 0;; ++place) {
        const sock_filter &step = filter[place];
        if (step.code == kReturn) {
            return {true, step.k};
        }
        if (step.code == kAlways) {
            place += step.k;
        } else if (step.code == kLoad) {
            if (step.k != kNumber && step.k != kArchitecture) {
                return {false, static_cast<std::uint32_t>(place)};
            }
            value = step.k == kNumber ? number : architecture;
        } else {
            const bool taken = step.code == kEqual     ? value == step.k
                               : step.code == kAtLeast ? value >= step.k
                                                       : value > step.k;
            place += taken ? step.jt : step.jf;
        }
    }
}

std::vector<Range> ranges_of(const Filter &filter, std::uint32_t architecture, const std::set<std::uint32_t> &numbers) {
    std::vector<Range> ranges;
    for (const std::uint32_t number : numbers) {
        const Outcome outcome = outcome_of(filter, architecture, number);
        if (ranges.empty() || ranges.back().outcome != outcome) {
            ranges.push_back({number, outcome});
        }
    }
    return ranges;
}

// Classic BPF jumps forward only, so a program is written from its end: whatever an instruction jumps to has its place
// by then.
class Writer {
  public:
    using Place = std::size_t; // counted from the end

    Place put(unsigned code, std::uint32_t k, unsigned jt = 0, unsigned jf = 0) {
        reversed_.push_back(
            {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(jt), static_cast<std::uint8_t>(jf), k});
        return reversed_.size() - 1;
    }

    Place put_comparison(unsigned code, std::uint32_t k, Place taken, Place otherwise) {
        taken = within_reach(taken);
        otherwise = within_reach(otherwise);
        return put(code, k, distance(taken), distance(otherwise));
    }

    Place put_jump(Place target) { return put(kAlways, distance(target)); }

    Filter finish() && { return {reversed_.rbegin(), reversed_.rend()}; }

  private:
    static constexpr unsigned kReach = 254; // of the 255 that a comparison can skip, less a jump put in between

    unsigned distance(Place target) const { return static_cast<unsigned>(reversed_.size() - target - 1); }

    Place within_reach(Place target) {
        if (distance(target) <= kReach) {
            return target;
        }
        return reversed_[target].code == kReturn ? put(kReturn, reversed_[target].k) : put_jump(target);
    }

    Filter reversed_;
};

class TreeWriter {
  public:
    explicit TreeWriter(const Filter &filter) : filter_(filter) {}

    // Everything that can be reached from the places where arguments are loaded, once. False: not understood.
    bool put_argument_checks(const std::set<std::size_t> &entries) {
        std::set<std::size_t> reached;
        for (const std::size_t entry : entries) {
            if (!reach(entry, reached)) {
                return false;
            }
        }
        for (auto place = reached.rbegin(); place != reached.rend(); ++place) {
            const sock_filter &step = filter_[*place];
            const std::size_t next = *place + 1;
            if (step.code == kAlways) {
                copies_[*place] = writer_.put_jump(copies_[next + step.k]);
            } else if (BPF_CLASS(step.code) == BPF_JMP) {
                copies_[*place] =
                    writer_.put_comparison(step.code, step.k, copies_[next + step.jt], copies_[next + step.jf]);
            } else {
                // In a gap of the copied code the next instruction is another than in the original.
                copies_[*place] = writer_.put(step.code, step.k);
            }
        }
        return true;
    }

    // Answers for one architecture.
    Writer::Place put_block(const std::vector<Range> &ranges) {
        std::map<Outcome, Writer::Place> leaves;
        for (const Range &range : ranges) {
            if (range.outcome.answers && !leaves.contains(range.outcome)) {
                leaves[range.outcome] = writer_.put(kReturn, range.outcome.value);
            } else if (!range.outcome.answers) {
                leaves[range.outcome] = copies_[range.outcome.value];
            }
        }
        put_tree(ranges, leaves);
        return writer_.put(kLoad, kNumber);
    }

    // `others`: the block of architectures that have none of their own.
    Filter finish(const std::map<std::uint32_t, Writer::Place> &blocks, Writer::Place others) && {
        Writer::Place next = writer_.put_jump(others);
        for (const auto &[architecture, block] : blocks) {
            next = writer_.put_comparison(kEqual, architecture, block, next);
        }
        writer_.put(kLoad, kArchitecture);
        return std::move(writer_).finish();
    }

  private:
    bool reach(std::size_t place, std::set<std::size_t> &reached) const {
        for (; place < filter_.size() && reached.insert(place).second; ++place) {
            const sock_filter &step = filter_[place];
            if (step.code == kReturn) {
                return true;
            }
            if (step.code == kAlways) {
                place += step.k;
            } else if (is_comparison(step.code) || step.code == (BPF_JMP | BPF_JSET | BPF_K)) {
                if (!reach(place + 1 + step.jt, reached)) {
                    return false;
                }
                place += step.jf;
            } else if (step.code != kLoad && step.code != (BPF_ALU | BPF_AND | BPF_K)) {
                return false;
            }
        }
        return place < filter_.size();
    }

    // A tree's root is what was put last; a single leaf needs a jump, for what stands in front falls into it.
    void put_tree(std::span<const Range> ranges, const std::map<Outcome, Writer::Place> &leaves) {
        if (ranges.size() == 1) {
            writer_.put_jump(leaves.at(ranges.front().outcome));
        } else {
            put_node(ranges, leaves);
        }
    }

    Writer::Place put_node(std::span<const Range> ranges, const std::map<Outcome, Writer::Place> &leaves) {
        if (ranges.size() == 1) {
            return leaves.at(ranges.front().outcome);
        }
        const std::size_t middle = ranges.size() / 2;
        const Writer::Place upper = put_node(ranges.subspan(middle), leaves);
        const Writer::Place lower = put_node(ranges.first(middle), leaves);
        return writer_.put_comparison(kAtLeast, ranges[middle].first, upper, lower);
    }

    const Filter &filter_;
    Writer writer_;
    std::map<std::size_t, Writer::Place> copies_; // of the filter's instructions that look at arguments
};

std::uint32_t none_of(const std::set<std::uint32_t> &architectures) {
    std::uint32_t other = 0;
    while (architectures.contains(other)) {
        ++other;
    }
    return other;
}

} // namespace

std::vector<sock_filter> as_search_tree(const std::vector<sock_filter> &filter) {
    constexpr std::uint32_t kNothingLoaded = ~0U;
    Constants constants;
    if (!Survey(filter).walk(0, kNothingLoaded, constants)) {
        return filter;
    }
    std::map<std::uint32_t, std::vector<Range>> by_architecture;
    for (const std::uint32_t architecture : constants.architectures) {
        by_architecture[architecture] = ranges_of(filter, architecture, constants.numbers);
    }
    const std::vector<Range> others = ranges_of(filter, none_of(constants.architectures), constants.numbers);
    std::set<std::size_t> checks;
    const auto collect = [&checks](const std::vector<Range> &ranges) {
        for (const Range &range : ranges) {
            if (!range.outcome.answers) {
                checks.insert(range.outcome.value);
            }
        }
    };
    collect(others);
    for (const auto &[architecture, ranges] : by_architecture) {
        collect(ranges);
    }
    TreeWriter writer(filter);
    if (!writer.put_argument_checks(checks)) {
        return filter;
    }
    const Writer::Place others_place = writer.put_block(others);
    std::map<std::uint32_t, Writer::Place> blocks;
    for (const auto &[architecture, ranges] : by_architecture) {
        blocks[architecture] = writer.put_block(ranges);
    }
    Filter tree = std::move(writer).finish(blocks, others_place);
    return tree.size() < filter.size() ? tree : filter;
}

} // namespace ballast::isolate
