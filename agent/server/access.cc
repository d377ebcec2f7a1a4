// SPDX-License-Identifier: Apache-2.0
#include "agent/server/access.h"

#include <algorithm>
#include <cctype>

#include "base/digest.h"
#include "base/log.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

constexpr const char *kAuthenticated = "system:authenticated"; // everybody who has a name
constexpr std::string_view kBearer = "bearer ";
constexpr std::size_t kLongestToken = 32UL << 10;

using Clock = std::chrono::steady_clock;

User with_everybody(User user) {
    if (!std::ranges::contains(user.groups, kAuthenticated)) {
        user.groups.emplace_back(kAuthenticated);
    }
    return user;
}

// Empty: there is none.
std::string token_in(std::string_view header) {
    const bool is_bearer =
        header.size() > kBearer.size() && std::ranges::equal(header.substr(0, kBearer.size()), kBearer, {},
                                                             [](unsigned char c) { return std::tolower(c); });
    if (!is_bearer) {
        return "";
    }
    header.remove_prefix(kBearer.size());
    header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
    return std::string(header.substr(0, header.find_last_not_of(' ') + 1));
}

std::unexpected<Error> unknown() { return fail(EACCES, "Unauthorized"); }

// Whatever went wrong, the one who asked is not to blame for it; where the API server is, is not theirs to know.
std::unexpected<Error> cannot_ask(const std::string &what, const Error &error) {
    log::debug(what + ": " + error.message);
    return fail(EAGAIN, what + ": the API server does not answer; try again later");
}

Json text_list(const std::vector<std::string> &texts) {
    Json list = Json::array();
    for (const std::string &text : texts) {
        list.push_back(text);
    }
    return list;
}

} // namespace

Access::Access(ApiServer &server, const ServerConfig &config, std::string node_name)
    : server_(server), config_(config), node_name_(std::move(node_name)) {}

Result<User> Access::who(const http::Peer &peer, std::string_view authorization, std::stop_token stop) {
    if (peer.certificate && !peer.certificate->common_name.empty()) {
        return with_everybody({.name = peer.certificate->common_name, .groups = peer.certificate->organizations});
    }
    const std::string token = token_in(authorization);
    if (!config_.tokens || token.empty() || token.size() > kLongestToken) {
        return unknown();
    }
    const std::string key = sha256(token); // secrets are not kept
    if (const auto known = tokens_.find(key, Clock::now())) {
        return *known;
    }
    Result<User> user = who_has(token, std::move(stop));
    if (user.has_value() || user.error().code == EACCES) {
        const auto now = Clock::now();
        tokens_.keep(key, user, now, now + std::chrono::duration_cast<Clock::duration>(config_.token_time));
    }
    return user;
}

Result<User> Access::who_has(const std::string &token, std::stop_token stop) {
    const Json review = {
        {"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenReview"}, {"spec", {{"token", token}}}};
    const Result<Json> answer = server_.create("/apis/authentication.k8s.io/v1/tokenreviews", review, std::move(stop));
    if (!answer.has_value()) {
        return cannot_ask("whose token this is cannot be asked", answer.error());
    }
    const Json &status = json_at(*answer, {"status"});
    const Json &yes = json_at(status, {"authenticated"});
    User user{.name = json_text(status, {"user", "username"}), .uid = json_text(status, {"user", "uid"})};
    if (!yes.is_boolean() || !yes.get<bool>() || user.name.empty()) {
        return unknown();
    }
    for (const Json &group : json_at(status, {"user", "groups"})) {
        if (group.is_string()) {
            user.groups.push_back(group.get<std::string>());
        }
    }
    user.extra = json_at(status, {"user", "extra"});
    return with_everybody(std::move(user));
}

Status Access::may(const User &user, const Attributes &attributes, std::stop_token stop) {
    for (const std::string &subresource : attributes.subresources) {
        Json spec = {{"user", user.name},
                     {"groups", text_list(user.groups)},
                     {"resourceAttributes",
                      {{"verb", attributes.verb},
                       {"version", "v1"},
                       {"resource", "nodes"},
                       {"subresource", subresource},
                       {"name", node_name_}}}};
        if (!user.uid.empty()) {
            spec["uid"] = user.uid;
        }
        if (user.extra.is_object()) {
            spec["extra"] = user.extra;
        }
        if (TRY(allowed(spec, stop))) {
            return {};
        }
    }
    return fail(EPERM, "Forbidden (user=" + user.name + ", verb=" + attributes.verb +
                           ", resource=nodes, subresource=" + attributes.subresources.front() + ")");
}

Result<bool> Access::allowed(const Json &spec, std::stop_token stop) {
    const std::string key = sha256(json_body(spec));
    if (const auto known = permissions_.find(key, Clock::now())) {
        return *known;
    }
    const Json review = {{"apiVersion", "authorization.k8s.io/v1"}, {"kind", "SubjectAccessReview"}, {"spec", spec}};
    const Result<Json> answer =
        server_.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review, std::move(stop));
    if (!answer.has_value()) {
        return cannot_ask("what " + quote(json_text(spec, {"user"})) + " may do cannot be asked", answer.error());
    }
    const Json &allowed = json_at(*answer, {"status", "allowed"});
    const Json &denied = json_at(*answer, {"status", "denied"});
    const bool yes = allowed.is_boolean() && allowed.get<bool>() && !(denied.is_boolean() && denied.get<bool>());
    const auto now = Clock::now();
    const auto time = yes ? config_.allowed_time : config_.refused_time;
    permissions_.keep(key, yes, now, now + std::chrono::duration_cast<Clock::duration>(time));
    return yes;
}

} // namespace ballast::agent
