// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/api_server/api_server.h"
#include "agent/api_server/watcher.h"
#include "agent/pods/environment.h"
#include "agent/pods/pod_objects.h"

namespace ballast::agent {

// What pods refer to, asked from the API server; services are told by whoever watches them. For several threads.
class ClusterObjects {
  public:
    // `server` outlives it. Requests are given up when `stop` is asked for.
    ClusterObjects(ApiServer &server, std::string node_name, std::stop_token stop)
        : server_(server), node_name_(std::move(node_name)), stop_(std::move(stop)) {}
    ClusterObjects(const ClusterObjects &) = delete;
    ClusterObjects &operator=(const ClusterObjects &) = delete;

    // As functions for those who start pods; they refer to this.
    PodObjects functions();

    Result<TextMap> data(const std::string &kind, const std::string &name_space, const std::string &name);
    // What a claim of the pod's is bound to, if this node can mount it.
    Result<PersistentVolume> volume(const Pod &pod, const std::string &claim);
    // Kept, and asked for anew when four fifths of its time are over.
    Result<std::string> token(const Pod &pod, const TokenFile &token);
    Variables services(const Pod &pod);

    void take(const std::vector<Change> &changes); // of services
    bool knows_services() const;
    // Tokens of pods that are gone.
    void forget(const std::string &pod_uid);

  private:
    struct Token {
        std::string text = {};
        std::int64_t refresh = 0; // nanoseconds since 1970
    };
    struct Service {
        std::string name_space = {}, name = {}, address = {};
        struct Port {
            std::string name = {}, protocol = {};
            int number = 0;
        };
        std::vector<Port> ports = {};
    };
    Result<Json> get(const std::string &path);
    void store(const Json &object);
    static void write(const Service &service, Variables &to);

    ApiServer &server_;
    std::string node_name_;
    std::stop_token stop_;
    mutable std::mutex mutex_;                // over what follows
    std::map<std::string, Token> tokens_;     // by pod, account, audience and time
    std::map<std::string, Service> services_; // by namespace and name
    bool knows_services_ = false;
};

} // namespace ballast::agent
