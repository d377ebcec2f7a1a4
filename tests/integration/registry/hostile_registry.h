// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "runtime/image/image_store.h"
#include "runtime/registry/pull.h"
#include "tests/integration/registry/scripted_server.h"
#include "tests/integration/registry/test_image.h"

namespace ballast::tests {

// A registry that serves images as it should, but for what a test twists, and takes pushes.
class HostileRegistry {
  public:
    // Sees each request first; true: it has answered.
    using Twist = std::function<bool(Turn &)>;
    explicit HostileRegistry(Twist twist = {});

    // As NAME:TAG.
    void add(const std::string &name, const std::string &tag, const TestImage &image);
    std::string address() const { return server_.address(); }
    const ScriptedServer &server() const { return server_; }
    std::size_t blob_requests(const std::string &digest) const { return count("GET", "/blobs/" + digest); }
    // Requests of a method whose target contains `part`.
    std::size_t count(std::string_view method, std::string_view part) const;
    std::map<std::string, std::string> pushed_blobs() const;
    std::map<std::string, std::string> pushed_manifests() const; // by tag

  private:
    void answer(Turn &turn);
    void answer_manifest(Turn &turn, const std::string &name, const std::string &reference);
    void answer_blob(Turn &turn, const std::string &digest);
    void answer_upload(Turn &turn);

    Twist twist_;
    mutable std::mutex mutex_;
    TestImage content_;
    std::map<std::string, std::string> tags_; // "NAME:TAG" → digest
    std::map<std::string, std::string> uploads_;
    std::map<std::string, std::string> pushed_blobs_, pushed_manifests_;
    ScriptedServer server_; // the last: it calls the rest
};

bool is_blob(const Turn &turn, const std::string &digest); // it is asked for
std::string name_at(const HostileRegistry &registry, const std::string &rest = "a:v1");
// No request of a server carried credentials.
bool saw_no_credentials(const ScriptedServer &server);

// A store in a scratch directory, and what was told while something was pulled into it.
struct Workplace {
    TemporaryDirectory directory;
    std::unique_ptr<image::ImageStore> store;
    registry::RegistrySettings settings;
    std::vector<registry::Progress> told = {};

    Workplace();
    Result<std::vector<registry::Pulled>> pull(const std::string &name, registry::PullRequest request = {});
    // What was told of the line `id`, in order, each word once. Of an empty id all such messages.
    std::vector<std::string> words(const std::string &id) const;
    std::string layer_file(const image::Digest &id, unsigned number) const; // the content of /layer-N
};

} // namespace ballast::tests
