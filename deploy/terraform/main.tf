# A launch template and an auto scaling group whose instances install enid at their first boot. enid itself needs no IAM: it reads the
# metadata service alone. Only who attaches ENIs or assigns addresses needs permissions.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

variable "image_id" {
  type        = string
  description = "Debian 12 or 13; better one with enid baked in (deploy/packer), and user_data = null."
}

variable "enid_url" {
  type        = string
  description = "Where the release directory is served."
}

variable "subnet_ids" {
  type = list(string)
}

variable "security_group_ids" {
  type = list(string)
}

variable "instance_type" {
  type    = string
  default = "t3.small"
}

variable "size" {
  type    = number
  default = 2
}

resource "aws_launch_template" "enid" {
  name_prefix   = "enid-"
  image_id      = var.image_id
  instance_type = var.instance_type
  user_data     = base64encode(replace(file("${path.module}/../cloud-init/debian.yaml"), "URL/", "${var.enid_url}/"))

  vpc_security_group_ids = var.security_group_ids

  metadata_options {
    http_endpoint          = "enabled"
    http_tokens            = "required"
    instance_metadata_tags = "enabled"
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "enid" }
  }
}

resource "aws_autoscaling_group" "enid" {
  name_prefix         = "enid-"
  vpc_zone_identifier = var.subnet_ids
  min_size            = var.size
  max_size            = var.size * 2
  desired_capacity    = var.size

  launch_template {
    id      = aws_launch_template.enid.id
    version = aws_launch_template.enid.latest_version
  }

  # In waves, with a look at the first ones: docs/fleet.md.
  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 90
      checkpoint_percentages = [1, 10, 100]
      checkpoint_delay       = 3600
      auto_rollback          = true
    }
  }
}

output "launch_template_id" {
  value = aws_launch_template.enid.id
}
