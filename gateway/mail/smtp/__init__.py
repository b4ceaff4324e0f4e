"""The SMTP listener: takes letters from mail servers, PBXs and scripts; 250 only when a letter is durable."""

from __future__ import annotations

from gateway.mail.smtp.listener import SmtpListener

__all__ = ["SmtpListener"]
