// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

// A container's log, as the writer needs it.
namespace ballast::container_log {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct WriterSettings {
    std::string driver = "none"; // json-file, local, journald, syslog, cri or none
    std::string path = {};       // of json-file, local and cri; absolute. Rotated ones are PATH.1, PATH.2, …
    // Options that check_log_options() has accepted; of syslog-address the host is a number: resolved_address().
    Pairs options = {};
    std::string container_id = {}; // 64 digits
    std::string container_name = {};
    std::string image_name = {};
    std::string tag = {};  // resolved: `{{.ID}}` by default
    Pairs attributes = {}; // resolved from labels, labels-regex, env and env-regex: log_attributes()

    void each(this auto &self, auto &archive) {
        archive(self.driver, self.path, self.options, self.container_id, self.container_name, self.image_name, self.tag,
                self.attributes);
    }
};

} // namespace ballast::container_log
