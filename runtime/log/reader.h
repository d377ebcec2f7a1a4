// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "runtime/log/line.h"
#include "runtime/log/settings.h"

// Reading a container's log back, for `docker logs` and the kubelet. json-file, local, cri and journald can be read.
namespace ballast::container_log {

struct Source {
    std::string driver;
    std::string path;         // of json-file, local and cri, as the writer has it
    std::string container_id; // journald: CONTAINER_ID_FULL
};

struct Selection {
    bool output = true;
    bool errors = true;
    std::optional<std::int64_t> since_ns = {}; // 1970; this moment included
    std::optional<std::int64_t> until_ns = {}; // this moment included; following ends there
    std::optional<std::uint64_t> tail = {}; // only the last so many entries, both streams counted as docker does: after
                                            // `output` and `errors` are not applied yet; none: all
    bool follow = false;
};

struct Entry {
    Stream stream = Stream::kStdout;
    std::int64_t time_ns = 0;
    std::string text;      // with its line end; a part of a long line has none, so that joined parts are the line
    bool starts = true;    // the first part of its line: where a timestamp belongs
    Pairs attributes = {}; // json-file and journald: what labels and env asked for
};

class Reader {
  public:
    // EINVAL: `configured logging driver does not support reading`. A log without file yet is an empty one.
    static Result<std::unique_ptr<Reader>> open(const Source &source, const Selection &selection);
    virtual ~Reader() = default;

    enum class Next : std::uint8_t { kEntry, kNothing, kEnd };
    // kEntry: `entry` is the next one. kNothing (only when following): none came within `wait`; ask again. kEnd: there
    // will be none. Entries that cannot be read are passed over.
    virtual Result<Next> next(Entry &entry, std::chrono::milliseconds wait) = 0;
    // The container has ended and its monitor is gone: kEnd follows what there is. For the thread that calls next().
    virtual void finish() = 0;
};

} // namespace ballast::container_log
