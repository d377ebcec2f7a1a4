// SPDX-License-Identifier: Apache-2.0
// Images by Kubernetes' container runtime interface, beside the docker command on the same engine.
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "tests/images/registry.h"
#include "tests/integration/api/kubelet.h"

using namespace ballast;
using namespace ballast::grpc;
using ballast::api_tests::DaemonFixture;
using images::Registry;
namespace cri = ::runtime::v1;

namespace {

struct ImageKubelet : api_tests::Kubelet {
    using Kubelet::Kubelet;

    cri::ImageStatusResponse status(const std::string &image, bool verbose = false) {
        cri::ImageStatusRequest request;
        request.mutable_image()->set_image(image);
        request.set_verbose(verbose);
        return answer<cri::ImageStatusResponse>("ImageService/ImageStatus", request);
    }
    TypedReply<cri::PullImageResponse> pull(const std::string &image, const std::string &password = "") {
        cri::PullImageRequest request;
        request.mutable_image()->set_image(image);
        if (!password.empty()) {
            request.mutable_auth()->set_username("tester");
            request.mutable_auth()->set_password(password);
        }
        return ask<cri::PullImageResponse>("ImageService/PullImage", request);
    }
    Outcome remove(const std::string &image) {
        cri::RemoveImageRequest request;
        request.mutable_image()->set_image(image);
        return ask<cri::RemoveImageResponse>("ImageService/RemoveImage", request).outcome;
    }
    cri::ListImagesResponse list(const std::string &only = "") {
        cri::ListImagesRequest request;
        if (!only.empty()) {
            request.mutable_filter()->mutable_image()->set_image(only);
        }
        return answer<cri::ListImagesResponse>("ImageService/ListImages", request);
    }
};

} // namespace

TEST_CASE("Kubernetes sees docker's images, and removes them for both", "[api][cri][root]") {
    const DaemonFixture fixture;
    ImageKubelet kubelet(fixture);
    const std::string id = fixture.output_of({"image", "inspect", "-f", "{{.Id}}", "inside"});
    (void)fixture.output_of({"tag", "inside", "other:1"});

    REQUIRE(kubelet.list().images_size() == 1);
    const cri::Image image = kubelet.list().images(0);
    CHECK(image.id() == id);
    CHECK(image.repo_tags_size() == 2);
    CHECK(image.size() > 0);
    CHECK(image.uid().value() == 0);
    CHECK(kubelet.list("inside").images_size() == 1);
    CHECK(kubelet.list("nothing").images_size() == 0);
    CHECK(kubelet.status(id).image().id() == id);
    CHECK(kubelet.status("docker.io/library/other:1").image().id() == id);
    CHECK_FALSE(kubelet.status("nothing").has_image());
    const std::string info = kubelet.status(id, true).info().at("info");
    CHECK(nlohmann::json::parse(info).at("imageSpec").dump().contains("/inside"));
    CHECK(nlohmann::json::parse(info).contains("manifest"));

    int streamed = 0;
    CHECK(kubelet.client
              .stream("/runtime.v1.ImageService/StreamImages", "",
                      [&](const std::string &bytes) {
                          cri::StreamImagesResponse piece;
                          Outcome outcome = read_message(bytes, piece);
                          streamed += piece.images_size();
                          return outcome;
                      })
              .ok());
    CHECK(streamed == 1);

    CHECK(kubelet.remove("inside").ok()); // and with it the other name
    CHECK(fixture.output_of({"images", "-q"}).empty());
    CHECK(kubelet.remove("inside").ok());
    CHECK(kubelet.remove("").code == Code::kInvalidArgument);
}

TEST_CASE("a pinned image is told so, and not cleaned up", "[api][cri][root]") {
    DaemonFixture fixture(R"({"cgroups": "disabled", "pinned-images": ["inside", "docker.io/platform/*"]})");
    ImageKubelet kubelet(fixture);
    const std::string id = fixture.output_of({"image", "inspect", "-f", "{{.Id}}", "inside"});
    CHECK(kubelet.status(id).image().pinned());
    CHECK(kubelet.list().images(0).pinned());
    (void)fixture.output_of({"image", "prune", "-a", "-f"});
    CHECK(kubelet.list().images_size() == 1);

    fixture.reload(R"({"cgroups": "disabled", "pinned-images": ["a*b"]})"); // refused: all stays as it was
    fixture.reload(R"({"cgroups": "disabled", "pinned-images": []})");
    CHECK(DaemonFixture::eventually([&] { return !kubelet.status(id).image().pinned(); }));
    CHECK(fixture.log().contains("pinned-images"));
    (void)fixture.output_of({"image", "prune", "-a", "-f"});
    CHECK(kubelet.list().images_size() == 0);
}

TEST_CASE("Kubernetes pulls an image with its credentials", "[api][cri][root]") {
    const DaemonFixture fixture;
    ImageKubelet kubelet(fixture);
    const Registry registry = must(Registry::start({.user = "tester", .password = "secret word"}));
    must(registry.push(fixture.layout("busybox")));
    const std::string name = "127.0.0.1:" + std::to_string(registry.port()) + "/busybox";

    CHECK_FALSE(kubelet.pull(name).outcome.ok());
    const Outcome wrong = kubelet.pull(name, "wrong word").outcome;
    CHECK_FALSE(wrong.ok());
    CHECK_FALSE(wrong.message.contains("wrong word"));
    CHECK_FALSE(kubelet.status(name).has_image());
    CHECK(kubelet.pull("not a name").outcome.code == Code::kInvalidArgument);
    CHECK(kubelet.pull(name + ":nothing", "secret word").outcome.code == Code::kNotFound);

    const auto pulled = kubelet.pull(name, "secret word");
    CAPTURE(pulled.outcome.message);
    REQUIRE(pulled.outcome.ok());
    const cri::Image image = kubelet.status(name).image();
    CHECK(image.id() == pulled.response.image_ref());
    CHECK(image.repo_tags(0) == name + ":latest");
    CHECK(image.repo_digests(0).starts_with(name + "@sha256:"));
    CHECK(kubelet.status(image.repo_digests(0)).image().id() == image.id());
    CHECK(fixture.output_of({"run", "--rm", "--network", "none", name, "echo", "both"}) == "both");

    const auto usage = kubelet.answer<cri::ImageFsInfoResponse>("ImageService/ImageFsInfo", cri::ImageFsInfoRequest());
    REQUIRE(usage.image_filesystems_size() == 1);
    CHECK(usage.image_filesystems(0).used_bytes().value() >= image.size());
    CHECK(usage.image_filesystems(0).inodes_used().value() > 0);
    REQUIRE(usage.container_filesystems_size() == 1);
    CHECK(usage.container_filesystems(0).has_used_bytes());
    CHECK(usage.image_filesystems(0).timestamp() > 0);
    CHECK(std::filesystem::is_directory(usage.image_filesystems(0).fs_id().mountpoint()));
}

TEST_CASE("the engine tells Kubernetes what it is", "[api][cri][root]") {
    DaemonFixture fixture;
    ImageKubelet kubelet(fixture);
    const auto version = kubelet.answer<cri::VersionResponse>("RuntimeService/Version", cri::VersionRequest());
    CHECK(version.runtime_name() == "ballast");
    CHECK(version.runtime_api_version() == "v1");
    CHECK_FALSE(version.runtime_version().empty());
    const auto status = kubelet.answer<cri::StatusResponse>("RuntimeService/Status", cri::StatusRequest());
    REQUIRE(status.status().conditions_size() == 2);
    CHECK(status.status().conditions(0).type() == "RuntimeReady");
    CHECK(status.status().conditions(0).status());
    const auto configuration =
        kubelet.answer<cri::RuntimeConfigResponse>("RuntimeService/RuntimeConfig", cri::RuntimeConfigRequest());
    CHECK(configuration.linux().cgroup_driver() == cri::SYSTEMD);

    struct stat facts{};
    REQUIRE(stat((fixture.path("run") / "cri.sock").c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0600); // root's alone
    fixture.stop();
    fixture.start();
    CHECK(kubelet.ask<cri::VersionResponse>("RuntimeService/Version", cri::VersionRequest()).outcome.ok());
    fixture.kill();
    CHECK(kubelet.ask<cri::VersionResponse>("RuntimeService/Version", cri::VersionRequest()).outcome.code ==
          Code::kUnavailable);
    fixture.start();
    CHECK(kubelet.ask<cri::VersionResponse>("RuntimeService/Version", cri::VersionRequest()).outcome.ok());
}
