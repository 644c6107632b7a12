"""The application that gunicorn serves."""

from fieldsync import create_app

app = create_app()
