// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/api_server/api_server.h"
#include "agent/config/server_config.h"
#include "agent/server/attributes.h"
#include "agent/server/decision_cache.h"
#include "base/http/peer.h"
#include "base/result.h"

namespace ballast::agent {

// Somebody who asks, as the cluster knows them.
struct User {
    std::string name = {}, uid = {};
    std::vector<std::string> groups = {};
    Json extra = nullptr; // an object of lists, or null
};

// Who may ask this node what: by a certificate of an authority of clients, or by a token that the API server knows
// (TokenReview); what they may do is the API server's to say (SubjectAccessReview). What it has said holds for as long
// as the configuration has it, and then it must be asked anew. For several threads at once.
class Access {
  public:
    // What is given outlives it.
    Access(ApiServer &server, const ServerConfig &config, std::string node_name);

    // `authorization`: the header. EACCES: nobody who is known. EAGAIN: the API server cannot be asked.
    Result<User> who(const http::Peer &peer, std::string_view authorization, std::stop_token stop);
    // EPERM: they may not, in kubelet's words. EAGAIN: the API server cannot be asked.
    Status may(const User &user, const Attributes &attributes, std::stop_token stop);

  private:
    Result<User> who_has(const std::string &token, std::stop_token stop);
    Result<bool> allowed(const Json &spec, std::stop_token stop);

    static constexpr std::size_t kMost = 1024; // decisions of a kind

    ApiServer &server_;
    const ServerConfig &config_;
    std::string node_name_;
    DecisionCache<Result<User>> tokens_{kMost};
    DecisionCache<bool> permissions_{kMost};
};

} // namespace ballast::agent
