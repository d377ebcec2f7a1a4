// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/api_server/json.h"
#include "agent/api_server/kubeconfig.h"
#include "base/http/client.h"
#include "base/result.h"

namespace ballast::agent {

enum class Patch { kStrategic, kMerge };

// The API server, for several threads at once. Paths are those of the API: "/api/v1/nodes/x". What it refuses is an
// error in its own words:
//   ENOENT     404              EEXIST     409: it exists, or is no more what it was thought to be
//   ESTALE     410: what was seen last is forgotten
//   EACCES     401              EPERM      403
//   EINVAL     400, 405, 415, 422
//   EAGAIN     429, 5xx, and an answer that cannot be read: to be tried again later
// and those of http::Client.
class ApiServer {
  public:
    explicit ApiServer(ApiAccess access) : access_(std::move(access)) {}
    ApiServer(const ApiServer &) = delete;
    ApiServer &operator=(const ApiServer &) = delete;

    // From now on it is asked as somebody else: a new certificate.
    void set_access(ApiAccess access);
    ApiAccess access() const;
    http::Url url() const;

    Result<Json> get(const std::string &path, std::stop_token stop = {});
    Result<Json> create(const std::string &path, const Json &object, std::stop_token stop = {});
    Result<Json> replace(const std::string &path, const Json &object, std::stop_token stop = {});
    Result<Json> patch(const std::string &path, const Json &change, Patch kind, std::stop_token stop = {});
    Result<Json> remove(const std::string &path, const Json &options, std::stop_token stop = {});
    // Follows what `path` answers, line by line, until it ends. `patience`: without a byte.
    Status follow(const std::string &path, std::chrono::milliseconds patience,
                  const std::function<Status(std::string_view line)> &take, std::stop_token stop);

  private:
    Result<http::ClientRequest> request(std::string method, const std::string &path, std::stop_token stop) const;
    Result<Json> send(http::ClientRequest request);
    Result<Json> send(std::string method, const std::string &path, const Json &body, const char *type,
                      std::stop_token stop);

    mutable std::mutex mutex_; // over access_
    ApiAccess access_;
    http::Client client_;
};

} // namespace ballast::agent
