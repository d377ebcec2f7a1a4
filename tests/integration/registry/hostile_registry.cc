// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/registry/hostile_registry.h"

#include <algorithm>

#include "base/http/url.h"
#include "tests/unit/check.h"

namespace ballast::tests {

using namespace std::chrono_literals;

HostileRegistry::HostileRegistry(Twist twist)
    : twist_(std::move(twist)), server_([this](Turn &turn) {
          if (!twist_ || !twist_(turn)) {
              answer(turn);
          }
      }) {}

void HostileRegistry::add(const std::string &name, const std::string &tag, const TestImage &image) {
    const std::lock_guard lock(mutex_);
    content_.documents.insert(image.documents.begin(), image.documents.end());
    content_.types.insert(image.types.begin(), image.types.end());
    content_.blobs.insert(image.blobs.begin(), image.blobs.end());
    tags_[name + ":" + tag] = image.top.digest.text();
}

std::size_t HostileRegistry::count(std::string_view method, std::string_view part) const {
    const std::vector<SeenRequest> seen = server_.seen();
    return static_cast<std::size_t>(std::ranges::count_if(
        seen, [&](const SeenRequest &request) { return request.method == method && request.target.contains(part); }));
}

std::map<std::string, std::string> HostileRegistry::pushed_blobs() const {
    const std::lock_guard lock(mutex_);
    return pushed_blobs_;
}

std::map<std::string, std::string> HostileRegistry::pushed_manifests() const {
    const std::lock_guard lock(mutex_);
    return pushed_manifests_;
}

void HostileRegistry::answer(Turn &turn) {
    const std::lock_guard lock(mutex_);
    const std::string &target = turn.request.target;
    const std::size_t manifests = target.find("/manifests/");
    const std::size_t blobs = target.find("/blobs/");
    if (target == "/v2/") {
        turn.respond(200, "{}");
    } else if (manifests != std::string::npos) {
        answer_manifest(turn, target.substr(4, manifests - 4), target.substr(manifests + 11));
    } else if (target.contains("/blobs/uploads/")) {
        answer_upload(turn);
    } else if (blobs != std::string::npos) {
        answer_blob(turn, target.substr(blobs + 7));
    } else {
        turn.respond(404);
    }
}

void HostileRegistry::answer_manifest(Turn &turn, const std::string &name, const std::string &reference) {
    if (turn.request.method == "PUT") {
        pushed_manifests_[reference] = turn.request.body;
        turn.respond(201, "", "Docker-Content-Digest: " + image::Digest::of(turn.request.body).text() + "\r\n");
        return;
    }
    const auto tag = tags_.find(name + ":" + reference);
    const std::string digest = tag != tags_.end() ? tag->second : reference;
    const auto found = content_.documents.find(digest);
    if (found == content_.documents.end()) {
        turn.respond(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})");
        return;
    }
    turn.respond(200, found->second,
                 "Content-Type: " + content_.types[digest] + "\r\nDocker-Content-Digest: " + digest + "\r\n");
}

void HostileRegistry::answer_blob(Turn &turn, const std::string &digest) {
    const auto found = content_.blobs.find(digest);
    if (found == content_.blobs.end()) {
        turn.respond(pushed_blobs_.contains(digest) ? 200 : 404);
        return;
    }
    const std::string range = turn.request.header("Range"); // "bytes=N-"
    const std::size_t start = range.empty() ? 0 : std::stoul(range.substr(6));
    if (start == 0) {
        turn.respond(200, found->second);
        return;
    }
    const std::string size = std::to_string(found->second.size());
    turn.respond(206, std::string_view(found->second).substr(start),
                 "Content-Range: bytes " + std::to_string(start) + "-" + std::to_string(found->second.size() - 1) +
                     "/" + size + "\r\n");
}

void HostileRegistry::answer_upload(Turn &turn) {
    const SeenRequest &request = turn.request;
    const std::string path = request.target.substr(0, request.target.find('?'));
    const std::size_t digest = request.target.find("digest=sha256%3A");
    if (request.method == "POST") {
        const std::string id = std::to_string(uploads_.size());
        uploads_[path + id] = "";
        turn.respond(202, "", "Location: " + path + id + "?state=x\r\n");
        return;
    }
    std::string &upload = uploads_[path];
    if (request.method == "GET") {
        turn.respond(204, "", "Range: 0-" + std::to_string(upload.empty() ? 0 : upload.size() - 1) + "\r\n");
        return;
    }
    upload += request.body;
    if (request.method == "PATCH") {
        turn.respond(202, "", "Location: " + path + "?state=y\r\n");
        return;
    }
    const std::string wanted = digest == std::string::npos ? "" : "sha256:" + request.target.substr(digest + 16);
    if (image::Digest::of(upload).text() != wanted) {
        turn.respond(400, R"({"errors":[{"code":"DIGEST_INVALID","message":"digest does not match"}]})");
        return;
    }
    pushed_blobs_[wanted] = upload;
    turn.respond(201, "", "Location: /v2/done\r\n");
}

bool is_blob(const Turn &turn, const std::string &digest) {
    return turn.request.method == "GET" && turn.request.target.ends_with("/blobs/" + digest);
}

std::string name_at(const HostileRegistry &registry, const std::string &rest) {
    return registry.address() + "/" + rest;
}

bool saw_no_credentials(const ScriptedServer &server) {
    return std::ranges::none_of(server.seen(),
                                [](const SeenRequest &request) { return request.head.contains("Authorization"); });
}

Workplace::Workplace()
    : directory(must(TemporaryDirectory::create(std::filesystem::temp_directory_path(), "ballast-registry-test-"))),
      store(must(image::ImageStore::open({.root = directory.path() / "store",
                                          .containers = [] { return std::vector<image::ContainerUse>(); },
                                          .event = {},
                                          .warn = {}}))) {
    settings.retry = {.attempts = 3, .first_delay = 1ms, .longest_delay = 2ms};
    settings.patience.idle = 10s;
    settings.hosts.certificates = {directory.path() / "certs.d"};
}

Result<std::vector<registry::Pulled>> Workplace::pull(const std::string &name, registry::PullRequest request) {
    request.reference = must(image::Reference::parse(name));
    told.clear();
    return registry::pull(*store, settings, request,
                          [this](const registry::Progress &progress) { told.push_back(progress); });
}

std::vector<std::string> Workplace::words(const std::string &id) const {
    std::vector<std::string> words;
    for (const registry::Progress &progress : told) {
        if (progress.id == id && (words.empty() || words.back() != progress.status)) {
            words.push_back(progress.status);
        }
    }
    return words;
}

std::string Workplace::layer_file(const image::Digest &id, unsigned number) const {
    const std::vector<std::filesystem::path> lower = must(store->lower_directories(id));
    return must(read_file(lower.at(lower.size() - 1 - number) / ("layer-" + std::to_string(number))));
}

} // namespace ballast::tests
