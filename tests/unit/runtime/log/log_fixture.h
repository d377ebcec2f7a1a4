// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "runtime/log/intake.h"
#include "runtime/log/reader.h"
#include "runtime/log/writer.h"
#include "tests/unit/check.h"

namespace ballast::container_log {

class NoObserver : public WriteObserver {
  public:
    void before_write(std::uint64_t) override {}
    void after_write() override {}
};

// Keeps the lines it is given.
class ListWriter : public Writer {
  public:
    struct Kept {
        Stream stream;
        std::int64_t time_ns;
        std::string text;
        bool ended;
        std::uint32_t part;
        bool operator==(const Kept &) const = default;
    };
    void add(const Line &line, WriteObserver &) override {
        lines.push_back({line.stream, line.time_ns, std::string(line.text), line.ended, line.part});
    }
    void flush(WriteObserver &) override {}
    std::vector<Kept> lines;
};

inline void write_line(Writer &writer, const std::string &text, std::int64_t time_ns = 0,
                       Stream stream = Stream::kStdout, bool ended = true, std::uint32_t part = 0) {
    NoObserver nobody;
    writer.add({.stream = stream, .time_ns = time_ns, .text = text, .ended = ended, .part = part}, nobody);
    writer.flush(nobody);
}

inline std::string read_log(const Source &source, const Selection &selection = {}) {
    const auto reader = must(Reader::open(source, selection));
    std::string text;
    Entry entry;
    while (must(reader->next(entry, std::chrono::milliseconds(0))) == Reader::Next::kEntry) {
        text += entry.text;
    }
    return text;
}

} // namespace ballast::container_log
