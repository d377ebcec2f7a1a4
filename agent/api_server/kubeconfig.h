// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/http/client.h"
#include "base/http/url.h"
#include "base/result.h"

namespace ballast::agent {

// Where an API server is and as whom it is asked.
struct ApiAccess {
    http::Url server = {}; // its target is a prefix of every path; "/": none
    http::ClientTls tls = {};
    std::string token = {};
    std::filesystem::path token_file = {}; // read anew for each request: somebody else renews it
    std::string user = {}, password = {};
    std::string proxy = {}; // empty: none
};

// What the current context of a kubeconfig (v1, YAML or JSON) says. Relative paths in it start at its own directory.
// EINVAL "FILE:LINE:COLUMN: WHAT" for what is no kubeconfig; ENOTSUP for credentials that another program would have to
// fetch (`exec`, `auth-provider`) and for acting as somebody else; ENOENT when the file, or one that it names, is
// missing.
Result<ApiAccess> load_kubeconfig(const std::filesystem::path &file);
Result<ApiAccess> parse_kubeconfig(const std::string &text, const std::filesystem::path &file);

} // namespace ballast::agent
