// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "runtime/oci/spec_reader.h"
#include "tests/unit/check.h"

// A config.json for tests of the reader, and what the reader says about it with one value changed.
namespace ballast::oci {

inline nlohmann::json config() {
    return nlohmann::json::parse(R"({
        "ociVersion": "1.3.0",
        "process": {"args": ["sh"], "cwd": "/", "env": ["A=b"], "user": {"uid": 0, "gid": 0}},
        "root": {"path": "rootfs"},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "hooks": {"prestart": [{"path": "/bin/hook"}]},
        "linux": {
            "namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"},
                           {"type": "user"}, {"type": "time"}],
            "resources": {}
        }
    })");
}

struct Change {
    std::string pointer; // RFC 6901: "/process/args"
    std::string value;   // JSON; empty: the value is removed
};

inline nlohmann::json with(const std::vector<Change> &changes) {
    nlohmann::json changed = config();
    for (const Change &change : changes) {
        nlohmann::json::json_pointer pointer(change.pointer);
        if (change.value.empty()) {
            changed.at(pointer.parent_pointer()).erase(pointer.back());
        } else {
            changed[pointer] = nlohmann::json::parse(change.value);
        }
    }
    return changed;
}

inline Spec spec_with(const std::vector<Change> &changes) { return must(parse_spec(with(changes).dump(), "c")); }

// The message without the name of the file; "" when the reader took it.
inline std::string refusal(const std::vector<Change> &changes) {
    Result<Spec> spec = parse_spec(with(changes).dump(), "c");
    if (spec.has_value()) {
        return "";
    }
    CHECK(spec.error().code == EINVAL);
    CHECK(spec.error().message.starts_with("c: "));
    return spec.error().message.substr(3);
}

} // namespace ballast::oci
