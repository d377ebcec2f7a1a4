// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/config/fields.h"
#include "base/result.h"

namespace ballast::agent {

// Where the agent is asked about its pods, and by whom.
struct ServerConfig {
    bool enabled = true;
    std::string address = "0.0.0.0";
    long long port = 10250;
    std::string health_address = "127.0.0.1"; // /healthz for whoever is there, without TLS
    long long health_port = 10248;            // 0: none

    std::string certificate = {}, key = {}; // PEM; both or neither: one of its own making, or of the cluster's
    bool cluster_signs = false;             // without these: the certificate is asked for
    std::string authorities = {};           // of clients' certificates, PEM; empty: none are asked for
    bool tokens = true;                     // by TokenReview
    std::chrono::nanoseconds token_time = std::chrono::minutes(2);   // how long what the API server says of one holds
    std::chrono::nanoseconds allowed_time = std::chrono::minutes(5); // the same of what somebody may do
    std::chrono::nanoseconds refused_time = std::chrono::seconds(30);

    // What is refused: who may ask without a name, and everything that opens the door to everybody.
    bool anonymous = false;
    long long read_only_port = 0;
    std::string authorization = "Webhook";
};

// The fields of KubeletConfiguration that say it.
std::vector<Field> server_fields(ServerConfig &config);

// What cannot be, or lets everybody in: EINVAL with what is wrong, and what to do.
Status check(const ServerConfig &config);

} // namespace ballast::agent
