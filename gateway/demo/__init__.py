"""What `leadgate demo` plays: recorded calls over a small AMI server, mails by SMTP, forms by HTTP."""
