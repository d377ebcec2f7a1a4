// SPDX-License-Identifier: Apache-2.0
#include "agent/cri_client/runtime_inner.h"

namespace ballast::agent {
namespace {

namespace cri = ::runtime::v1;

} // namespace

Result<std::vector<Runtime::ImageOnNode>> Runtime::images() {
    const auto answer = TRY(inner_->ask<cri::ListImagesResponse>("ImageService/ListImages", cri::ListImagesRequest())
                                .within("list images"));
    std::vector<ImageOnNode> images;
    for (const cri::Image &image : answer.images()) {
        ImageOnNode &to = images.emplace_back();
        to.id = image.id();
        to.pinned = image.pinned();
        to.names.assign(image.repo_digests().begin(), image.repo_digests().end());
        to.names.insert(to.names.end(), image.repo_tags().begin(), image.repo_tags().end());
        to.size = static_cast<std::int64_t>(image.size());
    }
    return images;
}

Result<std::set<std::string>> Runtime::images_in_use() {
    const auto answer =
        TRY(inner_->ask<cri::ListContainersResponse>("RuntimeService/ListContainers", cri::ListContainersRequest())
                .within("list containers"));
    std::set<std::string> used;
    for (const cri::Container &container : answer.containers()) {
        used.insert({container.image_id(), container.image_ref(), container.image().image()});
    }
    used.erase("");
    return used;
}

Status Runtime::remove_image(const std::string &id) {
    cri::RemoveImageRequest request;
    request.mutable_image()->set_image(id);
    TRY(inner_->ask<cri::RemoveImageResponse>("ImageService/RemoveImage", request).within("remove image " + id));
    return {};
}

Result<std::filesystem::path> Runtime::image_files() {
    const auto answer = TRY(inner_->ask<cri::ImageFsInfoResponse>("ImageService/ImageFsInfo", cri::ImageFsInfoRequest())
                                .within("file system of images"));
    if (answer.image_filesystems().empty()) {
        return fail(ENOENT, "file system of images: the container runtime says of none");
    }
    return std::filesystem::path(answer.image_filesystems(0).fs_id().mountpoint());
}

Result<std::optional<Runtime::ImageFacts>> Runtime::image(const std::string &name) {
    cri::ImageStatusRequest request;
    request.mutable_image()->set_image(name);
    const auto answer = TRY(inner_->ask<cri::ImageStatusResponse>("ImageService/ImageStatus", request).within("image"));
    if (!answer.has_image() || answer.image().id().empty()) {
        return std::nullopt;
    }
    ImageFacts facts{.reference = answer.image().id(), .user = {}, .user_name = answer.image().username()};
    if (answer.image().has_uid()) {
        facts.user = answer.image().uid().value();
    }
    return facts;
}

Status Runtime::pull(const std::string &name, const PullCredentials &credentials,
                     const cri::PodSandboxConfig &sandbox_config, std::stop_token stop) {
    cri::PullImageRequest request;
    request.mutable_image()->set_image(name);
    if (credentials != PullCredentials()) {
        cri::AuthConfig &auth = *request.mutable_auth();
        auth.set_username(credentials.user);
        auth.set_password(credentials.password);
        auth.set_identity_token(credentials.identity_token);
        auth.set_registry_token(credentials.registry_token);
    }
    *request.mutable_sandbox_config() = sandbox_config;
    // As long as it takes: the runtime knows when a registry has stalled.
    TRY(inner_->ask<cri::PullImageResponse>("ImageService/PullImage", request,
                                            {.timeout = {}, .stop = std::move(stop)}));
    return {};
}

} // namespace ballast::agent
