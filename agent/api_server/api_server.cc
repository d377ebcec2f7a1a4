// SPDX-License-Identifier: Apache-2.0
#include "agent/api_server/api_server.h"

#include "base/base64.h"
#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

constexpr std::uint64_t kLargestAnswer = 256ULL << 20; // a list of everything in a large cluster
constexpr std::uint64_t kLargestRefusal = 64ULL << 10;
constexpr std::size_t kLongestLine = 16UL << 20;
constexpr std::chrono::seconds kPatience{30};

int code_of(int status) {
    constexpr int kServerErrors = 500;
    switch (status) {
    case 401:
        return EACCES;
    case 403:
        return EPERM;
    case 404:
        return ENOENT;
    case 409:
        return EEXIST;
    case 410:
        return ESTALE;
    case 429:
        return EAGAIN;
    default:
        return status >= kServerErrors ? EAGAIN : EINVAL;
    }
}

bool is_success(int status) { return status >= 200 && status < 300; }

// What a Status object says, or the beginning of what came instead.
std::unexpected<Error> refused(int status, const std::string &body) {
    const Json object = Json::parse(body, nullptr, false);
    std::string message = json_text(object, {"message"});
    if (message.empty()) {
        constexpr std::size_t kShown = 200;
        message = "status " + std::to_string(status) + (body.empty() ? "" : " " + quote(body.substr(0, kShown)));
    }
    return fail(code_of(status), "the API server: " + message);
}

// Hands whole lines on.
class Lines {
  public:
    explicit Lines(const std::function<Status(std::string_view)> &take) : take_(take) {}
    Status add(std::string_view piece) {
        while (!piece.empty()) {
            const std::size_t end = piece.find('\n');
            line_ += piece.substr(0, end);
            if (line_.size() > kLongestLine) {
                return fail(EFBIG, "the API server: a line that is too long");
            }
            if (end == std::string_view::npos) {
                return {};
            }
            piece.remove_prefix(end + 1);
            const std::string line = std::exchange(line_, "");
            TRY(take_(line));
        }
        return {};
    }

  private:
    const std::function<Status(std::string_view)> &take_;
    std::string line_;
};

} // namespace

void ApiServer::set_access(ApiAccess access) {
    const std::lock_guard lock(mutex_);
    access_ = std::move(access);
}

ApiAccess ApiServer::access() const {
    const std::lock_guard lock(mutex_);
    return access_;
}

http::Url ApiServer::url() const {
    const std::lock_guard lock(mutex_);
    return access_.server;
}

Result<http::ClientRequest> ApiServer::request(std::string method, const std::string &path,
                                               std::stop_token stop) const {
    const std::lock_guard lock(mutex_);
    http::ClientRequest request{.method = std::move(method), .url = access_.server};
    std::string prefix = access_.server.target;
    while (prefix.ends_with('/')) {
        prefix.pop_back();
    }
    request.url.target = prefix + path;
    request.headers = {{"Accept", "application/json"}, {"User-Agent", "ballast-agent"}};
    std::string token = access_.token;
    if (!access_.token_file.empty()) {
        token = TRY(read_file(access_.token_file));
        token.resize(token.find_last_not_of(" \t\r\n") + 1);
    }
    if (!token.empty()) {
        request.headers.push_back({"Authorization", "Bearer " + token});
    } else if (!access_.user.empty()) {
        request.headers.push_back({"Authorization", "Basic " + base64(access_.user + ":" + access_.password)});
    }
    request.tls = access_.tls;
    request.proxy = access_.proxy;
    request.most_body = kLargestAnswer;
    request.patience.idle = kPatience;
    request.stop = std::move(stop);
    return request;
}

Result<Json> ApiServer::send(http::ClientRequest request) {
    const http::ClientResponse response = TRY(client_.send(request));
    if (!is_success(response.head.status)) {
        return refused(response.head.status, response.body);
    }
    Json object = Json::parse(response.body, nullptr, false);
    if (!object.is_object()) {
        return fail(EAGAIN, "the API server: its answer is no JSON");
    }
    return object;
}

Result<Json> ApiServer::send(std::string method, const std::string &path, const Json &body, const char *type,
                             std::stop_token stop) {
    http::ClientRequest asked = TRY(request(std::move(method), path, std::move(stop)));
    asked.headers.push_back({"Content-Type", type});
    asked.body = json_body(body);
    return send(std::move(asked));
}

Result<Json> ApiServer::get(const std::string &path, std::stop_token stop) {
    return send(TRY(request("GET", path, std::move(stop))));
}
Result<Json> ApiServer::create(const std::string &path, const Json &object, std::stop_token stop) {
    return send("POST", path, object, "application/json", std::move(stop));
}
Result<Json> ApiServer::replace(const std::string &path, const Json &object, std::stop_token stop) {
    return send("PUT", path, object, "application/json", std::move(stop));
}
Result<Json> ApiServer::patch(const std::string &path, const Json &change, Patch kind, std::stop_token stop) {
    return send("PATCH", path, change,
                kind == Patch::kStrategic ? "application/strategic-merge-patch+json" : "application/merge-patch+json",
                std::move(stop));
}
Result<Json> ApiServer::remove(const std::string &path, const Json &options, std::stop_token stop) {
    return send("DELETE", path, options, "application/json", std::move(stop));
}

Status ApiServer::follow(const std::string &path, std::chrono::milliseconds patience,
                         const std::function<Status(std::string_view line)> &take, std::stop_token stop) {
    http::ClientRequest asked = TRY(request("GET", path, std::move(stop)));
    asked.patience.idle = patience;
    Lines lines(take);
    int status = 0;
    std::string refusal;
    asked.on_head = [&](const http::ResponseHead &head) -> Status {
        status = head.status;
        return {};
    };
    asked.sink = [&](std::string_view piece) -> Status {
        if (is_success(status)) {
            return lines.add(piece);
        }
        refusal += piece.substr(0, kLargestRefusal - std::min<std::size_t>(refusal.size(), kLargestRefusal));
        return {};
    };
    TRY(client_.send(asked));
    return is_success(status) ? Status() : Status(refused(status, refusal));
}

} // namespace ballast::agent
